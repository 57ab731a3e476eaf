# Building beside the released Triton wheel: finds the wheel and the LLVM headers, and defines what Triton's own build
# would otherwise provide.

set(CMAKE_CXX_STANDARD 20 CACHE STRING "C++ standard (17 or 20)")
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

include(${CMAKE_CURRENT_LIST_DIR}/Ask.cmake)
host_ask(find_triton.py)  # HOST_TRITON, the package folder; HOST_TRITON_VERSION
message(STATUS "Building beside Triton ${HOST_TRITON_VERSION} in ${HOST_TRITON}")
host_ask(toolchain.py)    # HOST_INCLUDE, the LLVM headers; HOST_TBLGEN, mlir-tblgen

# libtriton.so is built with these checks on, Debian's headers say off. The setting changes the layout of classes, so the
# header that carries it is written anew and found first.
set(HOST_SHADOW_DIR ${CMAKE_CURRENT_BINARY_DIR}/shadow)
file(READ ${HOST_INCLUDE}/llvm/Config/abi-breaking.h HOST_ABI_BREAKING)
string(REGEX REPLACE "#define LLVM_ENABLE_ABI_BREAKING_CHECKS [01]" "#define LLVM_ENABLE_ABI_BREAKING_CHECKS 1"
       HOST_ABI_BREAKING "${HOST_ABI_BREAKING}")
file(CONFIGURE OUTPUT ${HOST_SHADOW_DIR}/llvm/Config/abi-breaking.h CONTENT "${HOST_ABI_BREAKING}" @ONLY)

# System headers: LLVM's and Triton's own warnings are not ours to fix.
set(HOST_SYSTEM_INCLUDES ${HOST_SHADOW_DIR} ${HOST_INCLUDE} ${HOST_TRITON}/include)

# The subset of LLVM's TableGen module that our folders use.
function(mlir_tablegen output)
  set(result ${CMAKE_CURRENT_BINARY_DIR}/${output})
  add_custom_command(
    OUTPUT ${result}
    COMMAND ${HOST_TBLGEN} ${ARGN} -I ${HOST_INCLUDE} ${LLVM_TARGET_DEFINITIONS} --write-if-changed -o ${result} -d ${result}.d
    DEPENDS ${LLVM_TARGET_DEFINITIONS}
    DEPFILE ${result}.d
    COMMENT "Generating ${output}")
  set_property(DIRECTORY APPEND PROPERTY HOST_TABLEGEN_OUTPUTS ${result})
endfunction()

function(add_public_tablegen_target name)
  get_property(outputs DIRECTORY PROPERTY HOST_TABLEGEN_OUTPUTS)
  add_custom_target(${name} DEPENDS ${outputs})
endfunction()

add_library(HostLibtriton SHARED IMPORTED)
set_target_properties(HostLibtriton PROPERTIES IMPORTED_LOCATION ${HOST_TRITON}/_C/libtriton.so
                                                IMPORTED_SONAME libtriton.so)

# Code that runs inside libtriton.so: its flags and headers.
function(set_host_properties name)
  target_include_directories(${name} SYSTEM PRIVATE ${HOST_SYSTEM_INCLUDES})
  target_compile_options(${name} PRIVATE -Wall -Wextra -Werror -fno-rtti)
  target_compile_definitions(${name} PRIVATE HOST_VERSION="${HOST_VERSION}")
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  add_dependencies(${name} HostPassesIncGen)
endfunction()

# A shared library of it, with every symbol resolved.
function(add_host_module name)
  add_library(${name} MODULE ${ARGN})
  set_host_properties(${name})
  target_link_libraries(${name} PRIVATE HostLibtriton)
  target_link_options(${name} PRIVATE -Wl,-z,defs)
  set_target_properties(${name} PROPERTIES BUILD_RPATH "" SKIP_BUILD_RPATH ON INSTALL_RPATH "")
endfunction()

# The pass library, checked against the libtriton.so it is for. The headers of MLIR take longer to read than a pass to compile, so
# they are read once. What of them a file needs it includes all the same: Triton's own build reads them for each.
function(add_host_pass_library)
  add_library(host_pass_objects OBJECT ${ARGN})
  set_host_properties(host_pass_objects)
  add_dependencies(host_pass_objects HostTraps)
  target_compile_options(host_pass_objects PRIVATE -fno-exceptions)
  target_precompile_headers(host_pass_objects PRIVATE <mlir/Dialect/SCF/IR/SCF.h> <mlir/Pass/Pass.h> <triton/Analysis/AxisInfo.h>
                            <triton/Dialect/TritonGPU/IR/Dialect.h>)

  add_host_module(host_passes $<TARGET_OBJECTS:host_pass_objects> ${HOST_SOURCE_DIR}/python/src/plugin.cpp)

  add_host_module(host_abi_probe EXCLUDE_FROM_ALL ${HOST_SOURCE_DIR}/cmake/abi_probe.cpp)
  add_custom_command(
    OUTPUT ${HOST_BINARY_DIR}/abi-checked
    COMMAND ${Python3_EXECUTABLE} ${HOST_SOURCE_DIR}/cmake/abi_check.py --libtriton ${HOST_TRITON}/_C/libtriton.so --llvm ${HOST_INCLUDE}
            $<TARGET_FILE:host_abi_probe> $<TARGET_FILE:host_passes>
    COMMAND ${CMAKE_COMMAND} -E touch ${HOST_BINARY_DIR}/abi-checked
    DEPENDS host_abi_probe host_passes ${HOST_SOURCE_DIR}/cmake/abi_check.py
    COMMENT "Checking that the pass library fits libtriton.so")
  add_custom_target(host_abi_check ALL DEPENDS ${HOST_BINARY_DIR}/abi-checked)
endfunction()
