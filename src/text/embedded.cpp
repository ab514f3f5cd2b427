#include "embedded.h"

#include "pcnet/core/embed.h"

PCNET_EMBED(kPcnetTextClipMerges, PCNET_THIRD_PARTY "/clip/bpe_simple_vocab_16e6.txt.gz");
PCNET_EMBED(kPcnetTextHtmlEntities, PCNET_THIRD_PARTY "/html5/entities.txt");
PCNET_EMBED(kPcnetTextLexicon, PCNET_THIRD_PARTY "/wordnet/lexicon.txt");

namespace pcnet::text {

std::string_view embedded_clip_merges() { return PCNET_EMBEDDED(kPcnetTextClipMerges); }

std::string_view embedded_html_entities() { return PCNET_EMBEDDED(kPcnetTextHtmlEntities); }

std::string_view embedded_lexicon() { return PCNET_EMBEDDED(kPcnetTextLexicon); }

}  // namespace pcnet::text
