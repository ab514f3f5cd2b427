// How fast CLIP's tokenizer is on sentences like RefCOCO's, as one line of JSON:
//
//   cmake --build --preset release --target tokenizer_benchmark
//   build/release/tests/benchmarks/tokenizer_benchmark
//
// "cold" is the first pass of a new tokenizer over all sentences, "warm" the passes after it, both
// on one thread; "uncached" are words that never come again; "construct_ms" unpacks the merge
// table. All are the best of five.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/core/json.h"
#include "pcnet/text/bpe_tokenizer.h"

namespace {

constexpr std::array<std::string_view, 60> kWords = {
    "man",      "woman",   "girl",    "guy",     "person",   "dog",    "zebra",    "giraffe",
    "elephant", "pizza",   "sofa",    "laptop",  "bus",      "train",  "suitcase", "umbrella",
    "left",     "right",   "middle",  "far",     "closest",  "front",  "back",     "top",
    "bottom",   "corner",  "red",     "blue",    "green",    "white",  "black",    "striped",
    "plaid",    "wearing", "holding", "sitting", "standing", "facing", "looking",  "with",
    "in",       "on",      "of",      "a",       "the",      "his",    "to",       "next",
    "behind",   "under",   "shirt",   "hat",     "glasses",  "jacket", "half",     "cropped",
    "2nd",      "3rd",     "lady's",  "isn't"};

std::vector<std::string> make_sentences() {
  std::mt19937 random(1);
  std::vector<std::string> sentences(50'000);
  for (auto& sentence : sentences) {
    const auto words = 1 + random() % 8;
    for (std::size_t i = 0; i < words; ++i) {
      if (i > 0) sentence += ' ';
      sentence += kWords.at(random() % kWords.size());
    }
  }
  return sentences;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Pass {
  std::size_t tokens = 0;
  double seconds = 0;
};

Pass encode_all(const pcnet::text::BpeTokenizer& tokenizer,
                const std::vector<std::string>& sentences) {
  const auto start = std::chrono::steady_clock::now();
  Pass pass;
  for (const auto& sentence : sentences) pass.tokens += tokenizer.encode_words(sentence).size();
  pass.seconds = seconds_since(start);
  return pass;
}

/// Sentences whose words are all different, so that no cache helps.
std::vector<std::string> make_new_words() {
  std::mt19937 random(2);
  std::vector<std::string> sentences(10'000);
  for (auto& sentence : sentences) {
    for (int word = 0; word < 5; ++word) {
      for (std::size_t i = 0; i < 4 + random() % 6; ++i) {
        sentence += static_cast<char>('a' + random() % 26);
      }
      sentence += ' ';
    }
  }
  return sentences;
}

}  // namespace

int main() {
  const auto sentences = make_sentences();
  const auto new_words = make_new_words();
  double construct = 1e9;
  double cold = 0;
  double warm = 0;
  double uncached = 0;
  std::size_t tokens = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const pcnet::text::BpeTokenizer tokenizer;
    construct = std::min(construct, seconds_since(start));
    const Pass first = encode_all(tokenizer, sentences);
    const Pass second = encode_all(tokenizer, sentences);
    const Pass other = encode_all(tokenizer, new_words);
    tokens = first.tokens;
    cold = std::max(cold, static_cast<double>(first.tokens) / first.seconds);
    warm = std::max(warm, static_cast<double>(second.tokens) / second.seconds);
    uncached = std::max(uncached, static_cast<double>(other.tokens) / other.seconds);
  }
  const nlohmann::json result = {
      {"sentences", sentences.size()},   {"tokens", tokens},
      {"construct_ms", construct * 1e3}, {"cold_tokens_per_second", cold},
      {"warm_tokens_per_second", warm},  {"uncached_tokens_per_second", uncached}};
  std::cout << pcnet::core::json_text(result) << "\n";
}
