# The digest of the sources, stamped into what is built from them: backend/cache/identity.py names the compiler by it.

include(${CMAKE_CURRENT_LIST_DIR}/Ask.cmake)

# Writes graft/SourceDigest.h anew whenever a source changes. Inside Triton's build, Triton's own sources and those of every
# plugin count too: all of them are in libtriton.so.
function(add_graft_source_digest name)
  set(header ${GRAFT_BINARY_DIR}/include/graft/SourceDigest.h)
  set(script ${GRAFT_SOURCE_DIR}/cmake/source_digest.py)
  set(arguments "")
  if(GRAFT_HOST STREQUAL "triton")
    set(plugins ${TRITON_PLUGIN_DIRS} ${GRAFT_SOURCE_DIR})
    foreach(folder IN LISTS plugins)
      file(REAL_PATH "${folder}" folder BASE_DIRECTORY ${CMAKE_SOURCE_DIR})
      list(APPEND arguments "--plugin=${folder}")
    endforeach()
    list(REMOVE_DUPLICATES arguments)
    string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
    set(flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}")
    string(REPLACE "${CMAKE_BINARY_DIR}" "<build>" flags "${flags}")
    string(REPLACE "${CMAKE_SOURCE_DIR}" "<source>" flags "${flags}")
    string(REPLACE ";" "," backends "${TRITON_CODEGEN_BACKENDS}")
    list(APPEND arguments "--triton=${CMAKE_SOURCE_DIR}" "--llvm=${LLVM_LIBRARY_DIR}" "--setting=build_type=${CMAKE_BUILD_TYPE}"
         "--setting=flags=${flags}" "--setting=backends=${backends}")
  endif()
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${Python3_EXECUTABLE} ${script} --output=${header} --depfile=${header}.d ${arguments}
    DEPENDS ${script}
    DEPFILE ${header}.d
    COMMENT "Naming the sources by content"
    VERBATIM)
  add_custom_target(${name} DEPENDS ${header})
endfunction()
