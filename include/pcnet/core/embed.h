#pragma once

#include <cstddef>
#include <string_view>

/// Makes a file's bytes a part of the program, as PCNET_EMBEDDED(name). The assembler reads them,
/// so that no compiler has to parse a megabyte of numbers. The null byte after them keeps the end
/// mark from being the start of the next file. In a .cpp file, outside of namespaces; CMake has to
/// be told that the object depends on the file.
// clang-format off
#define PCNET_EMBED(name, file)               \
  asm(".pushsection .rodata\n"                \
      ".balign 16\n"                          \
      ".globl " #name "Begin\n"               \
      ".globl " #name "End\n"                 \
      #name "Begin:\n"                        \
      ".incbin \"" file "\"\n"                \
      #name "End:\n"                          \
      ".byte 0\n"                             \
      ".popsection\n");                       \
  extern "C" const char name##Begin[];        \
  extern "C" const char name##End[]
// clang-format on

#define PCNET_EMBEDDED(name) \
  std::string_view(name##Begin, static_cast<std::size_t>(name##End - name##Begin))
