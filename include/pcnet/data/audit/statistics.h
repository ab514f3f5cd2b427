#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/text/omissions.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::data {

/// Where the values of a list lie; quartiles are interpolated between neighbours. All 0 for none.
struct Distribution {
  std::int64_t count = 0;
  double mean = 0;
  double minimum = 0;
  double lower_quartile = 0;
  double median = 0;
  double upper_quartile = 0;
  double maximum = 0;
};

Distribution describe_values(std::vector<double> values);

/// What one split holds. Objects are counted once however many references they have.
struct SplitStatistics {
  std::string name;  ///< "train", "testA", ..., or "all"
  std::int64_t references = 0;
  std::int64_t sentences = 0;
  std::int64_t pictures = 0;
  std::int64_t objects = 0;
  std::map<std::string, std::int64_t> kinds;  ///< sentences by kind, where they have kinds
};

/// The numbers of a dataset.
struct Statistics {
  std::vector<SplitStatistics> splits;  ///< in the order train, val, test..., then "all"
  Distribution words;                   ///< of a sentence
  std::map<std::int64_t, std::int64_t> sentences_by_words;
  std::int64_t vocabulary = 0;  ///< distinct words of all sentences
  Distribution tokens;          ///< of a sentence, start and end included, uncut
  std::int64_t text_length = 0;
  text::Omissions omissions;  ///< of the sentences, with the words that training knows
  Distribution annotated;     ///< objects with an outline a picture
  Distribution referred;      ///< objects that sentences refer to a picture
  Distribution mask_share;    ///< of the picture, 0 to 1, of the referred objects
  std::int64_t unmasked = 0;  ///< referred objects without a pixel, not in mask_share
};

/// Counts everything; masks are drawn on `threads` threads.
Statistics count_dataset(const ReferIndex& index, const text::Tokenizer& tokenizer,
                         std::int64_t text_length, int threads);

/// A figure that the dataset's authors, or papers that use it, print.
struct PublishedCount {
  std::string split;  ///< as SplitStatistics::name; "test" is testA and testB together
  std::string what;   ///< "references", "sentences", "images" or "objects"
  std::int64_t published = 0;
  std::int64_t here = 0;

  bool agrees() const { return published == here; }
};

/// The published figures beside those counted; none for a dataset that is not known.
std::vector<PublishedCount> compare_with_published(const std::string& dataset,
                                                   const std::string& split_by,
                                                   const Statistics& statistics);

}  // namespace pcnet::data
