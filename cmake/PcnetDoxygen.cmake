# The target `doxygen` writes pages of the public headers to doxygen/html; one of its warnings is an
# error. scripts/setup.sh does not install doxygen.
find_program(PCNET_DOXYGEN doxygen)
if(NOT PCNET_DOXYGEN OR NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()
set(folder "${PROJECT_BINARY_DIR}/doxygen")
file(MAKE_DIRECTORY "${folder}")
file(WRITE "${folder}/Doxyfile"
     "@INCLUDE = ${PROJECT_SOURCE_DIR}/docs/Doxyfile\nOUTPUT_DIRECTORY = ${folder}\n"
     "PROJECT_NUMBER = ${PROJECT_VERSION}\n")
add_custom_target(doxygen COMMAND "${PCNET_DOXYGEN}" "${folder}/Doxyfile"
                  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" VERBATIM
                  COMMENT "Pages of the public headers in ${folder}/html")
if(PCNET_BUILD_TESTS)
  add_test(NAME doxygen COMMAND "${PCNET_DOXYGEN}" "${folder}/Doxyfile"
           WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(doxygen PROPERTIES LABELS docs TIMEOUT 120)
endif()
