#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/metrics/bootstrap.h"
#include "pcnet/report/sentence_answers.h"

namespace pcnet::report {

/// Two sets of answers to the same sentences.
struct Contrast {
  std::int64_t sentences = 0;
  std::int64_t images = 0;
  metrics::Figures a;  ///< percent
  metrics::Figures b;
  metrics::Intervals intervals;  ///< of b's figures minus a's, over images
  std::int64_t both = 0;         ///< sentences whose object both peaks hit
  std::int64_t only_a = 0;
  std::int64_t only_b = 0;
  std::int64_t neither = 0;
  double mcnemar = 1;  ///< p-value of the hits
};

/// A sentence with both answers: places in the lists that were compared.
struct AnswerPair {
  std::size_t a = 0;
  std::size_t b = 0;
  double difference = 0;  ///< b's IoU minus a's
};

struct SplitComparison {
  std::string split;
  Contrast whole;
  std::map<std::string, Contrast> kinds;  ///< by kind of sentence
  std::vector<AnswerPair> better_a;       ///< largest differences first
  std::vector<AnswerPair> better_b;
};

struct Comparison {
  Answers a;
  Answers b;
  std::vector<SplitComparison> splits;  ///< in a's order
};

/// Compares sentence by sentence. Where one side does not know its splits all is one, "all". Error,
/// with their number and the first, unless both answer the same sentences on the same images.
/// @param largest how many sentences of each side's largest lead are listed
Comparison compare(Answers a, Answers b, std::int64_t largest);

/// A p-value for people: "0.012", "< 0.001".
std::string p_text(double p);

/// The document of `eval --compare --json` (docs/cli.md#comparing).
nlohmann::ordered_json to_json(const Comparison& comparison);

/// The same as tables for people.
std::string to_text(const Comparison& comparison);

}  // namespace pcnet::report
