#pragma once

#include <string_view>

namespace pcnet::text {

/// The bytes of third_party/clip/bpe_simple_vocab_16e6.txt.gz, a part of the program.
std::string_view embedded_clip_merges();

/// The bytes of third_party/html5/entities.txt, a part of the program.
std::string_view embedded_html_entities();

/// The bytes of third_party/wordnet/lexicon.txt, a part of the program.
std::string_view embedded_lexicon();

}  // namespace pcnet::text
