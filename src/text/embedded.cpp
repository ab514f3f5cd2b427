#include "embedded.h"

#include <cstddef>

// The assembler reads the files, so that no compiler has to parse a megabyte of numbers. The null
// byte after each keeps its end mark from being the start of the next one.
// clang-format off
#define PCNET_EMBED(name, file)               \
  asm(".pushsection .rodata\n"                \
      ".balign 16\n"                          \
      ".globl " #name "Begin\n"               \
      ".globl " #name "End\n"                 \
      #name "Begin:\n"                        \
      ".incbin \"" PCNET_THIRD_PARTY file "\"\n"\
      #name "End:\n"                          \
      ".byte 0\n"                             \
      ".popsection\n")
// clang-format on

PCNET_EMBED(kPcnetTextClipMerges, "/clip/bpe_simple_vocab_16e6.txt.gz");
PCNET_EMBED(kPcnetTextHtmlEntities, "/html5/entities.txt");
PCNET_EMBED(kPcnetTextLexicon, "/wordnet/lexicon.txt");

extern "C" {
extern const char kPcnetTextClipMergesBegin[];
extern const char kPcnetTextClipMergesEnd[];
extern const char kPcnetTextHtmlEntitiesBegin[];
extern const char kPcnetTextHtmlEntitiesEnd[];
extern const char kPcnetTextLexiconBegin[];
extern const char kPcnetTextLexiconEnd[];
}

namespace pcnet::text {

namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view embedded_clip_merges() {
  return between(kPcnetTextClipMergesBegin, kPcnetTextClipMergesEnd);
}

std::string_view embedded_html_entities() {
  return between(kPcnetTextHtmlEntitiesBegin, kPcnetTextHtmlEntitiesEnd);
}

std::string_view embedded_lexicon() {
  return between(kPcnetTextLexiconBegin, kPcnetTextLexiconEnd);
}

}  // namespace pcnet::text
