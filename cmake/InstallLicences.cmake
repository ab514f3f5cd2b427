# Installs the terms of the libraries that the .tar.gz brings along, from the Debian packages that they
# were taken from. Run by cpack with LIBRARIES, the folder that they are in, and LICENCES.
find_program(dpkg_query dpkg-query)
if(NOT dpkg_query)
  message(FATAL_ERROR "the terms of the libraries in the .tar.gz are found by dpkg-query: it is not here")
endif()
file(GLOB libraries RELATIVE "${LIBRARIES}" "${LIBRARIES}/*.so*")
set(packages)
foreach(library IN LISTS libraries)
  if(IS_SYMLINK "${LIBRARIES}/${library}")
    continue()  # the names that the system gives a library of its choice are no package's
  endif()
  execute_process(COMMAND "${dpkg_query}" -S "*/${library}" OUTPUT_VARIABLE found ERROR_QUIET)
  if(NOT found MATCHES "^([^:\n]+):")
    message(FATAL_ERROR "${library} belongs to no Debian package: its terms are not known")
  endif()
  list(APPEND packages "${CMAKE_MATCH_1}")
endforeach()
list(REMOVE_DUPLICATES packages)
foreach(package IN LISTS packages)
  file(INSTALL "/usr/share/doc/${package}/copyright" DESTINATION "${LICENCES}" RENAME "${package}"
       FOLLOW_SYMLINK_CHAIN)
endforeach()
