# Installs the manual pages and the scripts that shells complete with, which the program makes. Run by
# cmake --install with PROGRAM; MADE, a folder for them; DATA and MAN, where they go.
set(shells bash zsh fish)
set(places bash-completion/completions zsh/site-functions fish/vendor_completions.d)
if(DATA MATCHES "/usr/share$" AND EXISTS /etc/debian_version)
  list(TRANSFORM places REPLACE "zsh/site-functions" "zsh/vendor-completions")  # Debian's zsh looks there
endif()
set(names pcnet _pcnet pcnet.fish)
file(REMOVE_RECURSE "${MADE}")
file(MAKE_DIRECTORY "${MADE}")
foreach(shell place name IN ZIP_LISTS shells places names)
  execute_process(COMMAND "${PROGRAM}" completion ${shell} OUTPUT_FILE "${MADE}/${name}"
                  COMMAND_ERROR_IS_FATAL ANY)
  file(INSTALL "${MADE}/${name}" DESTINATION "${DATA}/${place}")
endforeach()
execute_process(COMMAND "${PROGRAM}" man --out "${MADE}/man1" COMMAND_ERROR_IS_FATAL ANY)
file(INSTALL "${MADE}/man1" DESTINATION "${MAN}")
