#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pcnet::synth {

/// What is generated; the same options give the same bytes on every machine.
struct Options {
  std::int64_t images = 7500;  // all splits together, at least 4
  std::uint64_t seed = 0;
  std::string difficulty = "standard";  // easy | standard | hard
  std::string language = "short";       // short | long
  std::string dataset = "refsynth";     // folder of the annotations
  int threads = 0;                      // 0: all of the processor's; changes no byte
};

/// Whether they ask for the long language.
bool is_long(const Options& options);

/// One split, counted. The blind scores are the PointM of guesses that read no sentence: the mean
/// chance to hit, over the sentences, in percent rounded to 0.01.
struct SplitSummary {
  std::string name;
  std::int64_t images = 0;
  std::int64_t objects = 0;
  std::int64_t refs = 0;
  std::array<std::int64_t, 4> sentences = {};  // attribute, position, relation, both (long alone)
  std::int64_t words = 0;
  std::int64_t real_cues = 0;
  std::int64_t proposals = 0;
  double random_pixel = 0;   // any pixel of the picture
  double centre_pixel = 0;   // the pixel in the middle
  double random_object = 0;  // any object
  // Of the long language alone.
  std::int64_t fewest_words = 0;
  std::int64_t most_words = 0;
  std::array<std::int64_t, 4> needed = {};  // sentences of which 1, 2, 3, 4 facts would do
  std::int64_t unseen = 0;                  // sentences that name a held-out combination
  double object_of_shape = 0;               // any object of the noun's shape
  double object_of_attributes = 0;          // any object that the noun and the attributes fit

  std::int64_t all_sentences() const {
    return sentences[0] + sentences[1] + sentences[2] + sentences[3];
  }

  bool operator==(const SplitSummary&) const = default;
};

/// Train, val, testA and testB, in this order.
struct Summary {
  std::vector<SplitSummary> splits;
  bool already_there = false;  // the folder held this very benchmark: nothing was written
};

/// Pictures of each split: val, testA and testB a fifteenth each (at least one), the rest train.
/// UsageError below four.
std::array<std::int64_t, 4> split_sizes(std::int64_t images);

/// Writes the benchmark into `folder`, which appears when all is written. A folder that holds the
/// same benchmark is left as it is; one that holds anything else is an Error, nothing touched.
Summary write_benchmark(const std::filesystem::path& folder, const Options& options);

}  // namespace pcnet::synth
