# Building beside the released Triton wheel: finds the wheel and the LLVM headers, and defines what Triton's own build
# would otherwise provide.

set(CMAKE_CXX_STANDARD 20 CACHE STRING "C++ standard (17 or 20)")
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

include(${CMAKE_CURRENT_LIST_DIR}/Ask.cmake)
graft_ask(find_triton.py)  # GRAFT_TRITON, the package folder; GRAFT_TRITON_VERSION
message(STATUS "Building beside Triton ${GRAFT_TRITON_VERSION} in ${GRAFT_TRITON}")
graft_ask(toolchain.py)    # GRAFT_INCLUDE, the LLVM headers; GRAFT_TBLGEN, mlir-tblgen

# libtriton.so is built with these checks on, Debian's headers say off. The setting changes the layout of classes, so the
# header that carries it is written anew and found first.
set(GRAFT_SHADOW_DIR ${CMAKE_CURRENT_BINARY_DIR}/shadow)
file(READ ${GRAFT_INCLUDE}/llvm/Config/abi-breaking.h GRAFT_ABI_BREAKING)
string(REGEX REPLACE "#define LLVM_ENABLE_ABI_BREAKING_CHECKS [01]" "#define LLVM_ENABLE_ABI_BREAKING_CHECKS 1"
       GRAFT_ABI_BREAKING "${GRAFT_ABI_BREAKING}")
file(CONFIGURE OUTPUT ${GRAFT_SHADOW_DIR}/llvm/Config/abi-breaking.h CONTENT "${GRAFT_ABI_BREAKING}" @ONLY)

# System headers: LLVM's and Triton's own warnings are not ours to fix.
set(GRAFT_SYSTEM_INCLUDES ${GRAFT_SHADOW_DIR} ${GRAFT_INCLUDE} ${GRAFT_TRITON}/include)

# The subset of LLVM's TableGen module that our folders use.
function(mlir_tablegen output)
  set(result ${CMAKE_CURRENT_BINARY_DIR}/${output})
  add_custom_command(
    OUTPUT ${result}
    COMMAND ${GRAFT_TBLGEN} ${ARGN} -I ${GRAFT_INCLUDE} ${LLVM_TARGET_DEFINITIONS} --write-if-changed -o ${result} -d ${result}.d
    DEPENDS ${LLVM_TARGET_DEFINITIONS}
    DEPFILE ${result}.d
    COMMENT "Generating ${output}")
  set_property(DIRECTORY APPEND PROPERTY GRAFT_TABLEGEN_OUTPUTS ${result})
endfunction()

function(add_public_tablegen_target name)
  get_property(outputs DIRECTORY PROPERTY GRAFT_TABLEGEN_OUTPUTS)
  add_custom_target(${name} DEPENDS ${outputs})
endfunction()

add_library(GraftLibtriton SHARED IMPORTED)
set_target_properties(GraftLibtriton PROPERTIES IMPORTED_LOCATION ${GRAFT_TRITON}/_C/libtriton.so
                                                IMPORTED_SONAME libtriton.so)

# Code that runs inside libtriton.so: its flags and headers.
function(set_graft_properties name)
  target_include_directories(${name} SYSTEM PRIVATE ${GRAFT_SYSTEM_INCLUDES})
  target_compile_options(${name} PRIVATE -Wall -Wextra -Werror -fno-rtti)
  target_compile_definitions(${name} PRIVATE GRAFT_VERSION="${GRAFT_VERSION}")
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  add_dependencies(${name} GraftPassesIncGen)
endfunction()

# A shared library of it, with every symbol resolved.
function(add_graft_module name)
  add_library(${name} MODULE ${ARGN})
  set_graft_properties(${name})
  target_link_libraries(${name} PRIVATE GraftLibtriton)
  target_link_options(${name} PRIVATE -Wl,-z,defs)
  set_target_properties(${name} PROPERTIES BUILD_RPATH "" SKIP_BUILD_RPATH ON INSTALL_RPATH "")
endfunction()

# The pass library, checked against the libtriton.so it is for. The headers of MLIR take longer to read than a pass to compile, so
# they are read once. What of them a file needs it includes all the same: Triton's own build reads them for each.
function(add_graft_pass_library)
  add_library(graft_pass_objects OBJECT ${ARGN})
  set_graft_properties(graft_pass_objects)
  add_dependencies(graft_pass_objects GraftTraps)
  target_compile_options(graft_pass_objects PRIVATE -fno-exceptions)
  target_precompile_headers(graft_pass_objects PRIVATE <mlir/Dialect/SCF/IR/SCF.h> <mlir/Pass/Pass.h> <triton/Analysis/AxisInfo.h>
                            <triton/Dialect/TritonGPU/IR/Dialect.h>)

  add_graft_module(graft_passes $<TARGET_OBJECTS:graft_pass_objects> ${GRAFT_SOURCE_DIR}/python/src/plugin.cpp)

  add_graft_module(graft_abi_probe EXCLUDE_FROM_ALL ${GRAFT_SOURCE_DIR}/cmake/abi_probe.cpp)
  add_custom_command(
    OUTPUT ${GRAFT_BINARY_DIR}/abi-checked
    COMMAND ${Python3_EXECUTABLE} ${GRAFT_SOURCE_DIR}/cmake/abi_check.py --libtriton ${GRAFT_TRITON}/_C/libtriton.so --llvm ${GRAFT_INCLUDE}
            $<TARGET_FILE:graft_abi_probe> $<TARGET_FILE:graft_passes>
    COMMAND ${CMAKE_COMMAND} -E touch ${GRAFT_BINARY_DIR}/abi-checked
    DEPENDS graft_abi_probe graft_passes ${GRAFT_SOURCE_DIR}/cmake/abi_check.py
    COMMENT "Checking that the pass library fits libtriton.so")
  add_custom_target(graft_abi_check ALL DEPENDS ${GRAFT_BINARY_DIR}/abi-checked)
endfunction()
