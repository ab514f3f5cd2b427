# Installs the interface of the library (examples/README.md) and what it includes; the other headers
# are its own. Run by cmake --install with INCLUDES, the source folder of headers, and DESTINATION.
set(interface
    pcnet/config/config.h
    pcnet/config/paths.h
    pcnet/core/error.h
    pcnet/core/log.h
    pcnet/core/signals.h
    pcnet/core/tensor_memory.h
    pcnet/core/version.h
    pcnet/engine/predictor.h
    pcnet/image/picture.h
    pcnet/runtime/call_config.h
    pcnet/runtime/evaluation.h
    pcnet/runtime/model_source.h
    pcnet/runtime/prediction.h
    pcnet/runtime/training.h)

set(found)
while(interface)
  list(POP_BACK interface header)
  list(APPEND found "${header}")
  file(STRINGS "${INCLUDES}/${header}" lines REGEX "^#include \"pcnet/")
  list(TRANSFORM lines REPLACE "^#include \"(.*)\"" "\\1")
  list(APPEND interface ${lines})
  list(REMOVE_DUPLICATES interface)
  list(REMOVE_ITEM interface ${found})
endwhile()
foreach(header IN LISTS found)
  cmake_path(GET header PARENT_PATH folder)
  file(INSTALL "${INCLUDES}/${header}" DESTINATION "${DESTINATION}/${folder}")
endforeach()
