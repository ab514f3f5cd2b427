# Warnings, sanitizers and ccache, the same for every target.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(PCNET_CCACHE ccache)
if(PCNET_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  # Without these a translation unit with a precompiled header cannot be cached.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${PCNET_CCACHE})
endif()

if(PCNET_FUZZ AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "PCNET_FUZZ needs clang (libFuzzer); the compiler is ${CMAKE_CXX_COMPILER}")
endif()

function(pcnet_compile_options target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion
                         # One rounding a operation on every machine: the synthetic benchmark
                         # promises identical bytes.
                         -ffp-contract=off)
  # On every target: g++ refuses a precompiled header made with other definitions.
  target_compile_definitions(${target} PRIVATE PCNET_VERSION="${PROJECT_VERSION}")
  # LibTorch's packages are built with NDEBUG, and some of its classes are larger without.
  target_compile_definitions(${target} PRIVATE $<$<NOT:$<CONFIG:Release>>:NDEBUG>)
  if(PCNET_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(PCNET_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(PCNET_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${PCNET_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${PCNET_SANITIZE})
  endif()
endfunction()
