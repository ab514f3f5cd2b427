#include "embedded.h"

#include <cstddef>

// The assembler reads the files, so that no compiler has to parse a megabyte of numbers. The null
// byte after each keeps its end mark from being the start of the next one.
// clang-format off
#define PCNET_EMBED(name, file)               \
  asm(".pushsection .rodata\n"                \
      ".balign 16\n"                          \
      ".globl " #name "_begin\n"              \
      ".globl " #name "_end\n"                \
      #name "_begin:\n"                       \
      ".incbin \"" PCNET_THIRD_PARTY file "\"\n" \
      #name "_end:\n"                         \
      ".byte 0\n"                             \
      ".popsection\n")
// clang-format on

PCNET_EMBED(pcnet_text_clip_merges, "/clip/bpe_simple_vocab_16e6.txt.gz");
PCNET_EMBED(pcnet_text_html_entities, "/html5/entities.txt");

extern "C" {
extern const char pcnet_text_clip_merges_begin[];
extern const char pcnet_text_clip_merges_end[];
extern const char pcnet_text_html_entities_begin[];
extern const char pcnet_text_html_entities_end[];
}

namespace pcnet::text {

namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view embedded_clip_merges() {
  return between(pcnet_text_clip_merges_begin, pcnet_text_clip_merges_end);
}

std::string_view embedded_html_entities() {
  return between(pcnet_text_html_entities_begin, pcnet_text_html_entities_end);
}

}  // namespace pcnet::text
