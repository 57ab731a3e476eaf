# Asks the Python scripts of this folder for facts about the machine.

if(NOT Python3_EXECUTABLE AND Python_EXECUTABLE)
  set(Python3_EXECUTABLE ${Python_EXECUTABLE})
endif()
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

# What a script prints as `key=value` lines becomes HOST_<KEY>; what it says on stderr is shown as it is.
function(host_ask script)
  execute_process(COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${script} ${ARGN}
                  OUTPUT_VARIABLE answer RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${script} failed; the reason stands above.")
  endif()
  string(REPLACE "\n" ";" answer "${answer}")
  foreach(line IN LISTS answer)
    if(line MATCHES "^([a-z_0-9]+)=(.*)$")
      string(TOUPPER ${CMAKE_MATCH_1} key)
      set(HOST_${key} "${CMAKE_MATCH_2}" PARENT_SCOPE)
    endif()
  endforeach()
endfunction()
