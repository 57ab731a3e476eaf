# The launcher: the extension module `_launcher` for the Python that builds. It needs neither LLVM nor libtriton, and opens
# libcuda only when it runs, so that it loads on machines without a driver.

include(${CMAKE_CURRENT_LIST_DIR}/Ask.cmake)

# Python's full interface lets the launcher watch dicts and read its objects in place. With the stable ABI, one file would
# serve every Python from 3.12 on, but a launch took 4 to 8 % more on an H200 (`graft bench launch` with either).
option(GRAFT_LAUNCHER_ABI3 "Build the launcher for Python's stable ABI, to compare" OFF)

# For `make sanitize`: a program that loads it needs the sanitizer's library before all others.
option(GRAFT_LAUNCHER_SANITIZE "Build the launcher with AddressSanitizer" OFF)

# cuda.h comes with Triton: with the wheel, or in its source tree once its build has fetched it. Whoever builds Triton offline says
# where the headers are, and nothing is fetched.
function(find_graft_cuda_include result)
  if(GRAFT_TRITON)
    set(folders ${GRAFT_TRITON}/backends/nvidia/include)
  else()
    set(folders ${TRITON_CUDART_PATH} ${CMAKE_SOURCE_DIR}/third_party/nvidia/backend/include)
  endif()
  foreach(folder IN LISTS folders)
    if(EXISTS ${folder}/cuda.h)
      set(${result} ${folder} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  list(JOIN folders " or " folders)
  message(FATAL_ERROR "triton-graft: there is no cuda.h in ${folders}, where Triton has it; the launcher is built with it.")
endfunction()

# Builds the sources into the folder `launch` of *directory*, and puts a copy into its folder `runtime`: the static runtime's, which
# is told other things than the backend's.
function(add_graft_launcher directory)
  set(api "")
  if(GRAFT_LAUNCHER_ABI3)
    set(api --stable-abi)
  endif()
  graft_ask(find_python.py ${api})  # GRAFT_PYTHON_INCLUDE, GRAFT_PYTHON_PLATINCLUDE, GRAFT_PYTHON_SUFFIX, GRAFT_PYTHON_API
  find_graft_cuda_include(cuda_include)

  add_library(graft_launcher MODULE ${ARGN})
  target_include_directories(graft_launcher SYSTEM PRIVATE ${GRAFT_PYTHON_INCLUDE} ${GRAFT_PYTHON_PLATINCLUDE} ${cuda_include})
  target_compile_options(graft_launcher PRIVATE -Wall -Wextra -Werror -fno-exceptions -fno-rtti -fno-plt)
  # A launch passes through several files in some hundred nanoseconds.
  include(CheckIPOSupported)
  check_ipo_supported(RESULT has_ipo OUTPUT reason LANGUAGES CXX)
  set_target_properties(graft_launcher PROPERTIES INTERPROCEDURAL_OPTIMIZATION ${has_ipo})
  # The one file that calls what may throw.
  set_source_files_properties(${GRAFT_SOURCE_DIR}/lib/Launcher/TorchDevice.cpp PROPERTIES COMPILE_OPTIONS -fexceptions)
  if(GRAFT_PYTHON_API)
    target_compile_definitions(graft_launcher PRIVATE Py_LIMITED_API=${GRAFT_PYTHON_API})
  endif()
  target_link_libraries(graft_launcher PRIVATE ${CMAKE_DL_LIBS})
  if(GRAFT_LAUNCHER_SANITIZE)
    set_target_properties(graft_launcher PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
    target_compile_options(graft_launcher PRIVATE -fsanitize=address -fno-omit-frame-pointer -g -O1)
    target_link_options(graft_launcher PRIVATE -fsanitize=address)
  endif()
  # Without exceptions and RTTI little of the C++ library is used; what is not used is not asked for at load time either.
  target_link_options(graft_launcher PRIVATE -Wl,--as-needed -Wl,-z,now)
  set_target_properties(graft_launcher PROPERTIES
                        PREFIX "" OUTPUT_NAME _launcher SUFFIX ${GRAFT_PYTHON_SUFFIX} LIBRARY_OUTPUT_DIRECTORY ${directory}/launch
                        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                        BUILD_RPATH "" SKIP_BUILD_RPATH ON INSTALL_RPATH "")
  add_custom_command(TARGET graft_launcher POST_BUILD
                     COMMAND ${CMAKE_COMMAND} -E make_directory ${directory}/runtime
                     COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:graft_launcher> ${directory}/runtime VERBATIM)
endfunction()
