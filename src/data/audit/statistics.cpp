#include "pcnet/data/audit/statistics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "pcnet/core/parallel.h"
#include "pcnet/text/word_tokenizer.h"

namespace pcnet::data {

Distribution describe_values(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return std::lerp(values[below], values[above], place - static_cast<double>(below));
  };
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return {.count = static_cast<std::int64_t>(values.size()),
          .mean = sum / static_cast<double>(values.size()),
          .minimum = values.front(),
          .lower_quartile = at(0.25),
          .median = at(0.5),
          .upper_quartile = at(0.75),
          .maximum = values.back()};
}

namespace {

/// The splits a reference counts for: "testAB" is testA's and testB's
/// (docs/formats.md#refer-refcoco-refcoco-refcocog).
std::vector<std::string> names_of_split(const std::string& split) {
  constexpr std::size_t kTest = 4;
  if (!split.starts_with("test") || split.size() == kTest) return {split};
  std::vector<std::string> names;
  for (const char letter : std::set<char>(split.begin() + kTest, split.end())) {
    names.push_back(std::string("test") + letter);
  }
  return names;
}

/// What is counted once: pictures and objects.
struct Counter {
  SplitStatistics counts;
  std::unordered_set<std::int64_t> images;
  std::unordered_set<std::int64_t> objects;

  void add(const Reference& reference) {
    ++counts.references;
    images.insert(reference.image_id);
    objects.insert(reference.ann_id);
    counts.sentences += static_cast<std::int64_t>(reference.sentences.size());
    for (const auto& sentence : reference.sentences) {
      if (!sentence.kind.empty()) ++counts.kinds[sentence.kind];
    }
  }
  SplitStatistics finish(std::string name) {
    counts.name = std::move(name);
    counts.pictures = static_cast<std::int64_t>(images.size());
    counts.objects = static_cast<std::int64_t>(objects.size());
    return std::move(counts);
  }
};

std::vector<SplitStatistics> count_splits(const ReferIndex& index) {
  // train, val, test, testA, ...: the alphabet has them so but for train.
  const auto order = [](const std::string& a, const std::string& b) {
    const bool train = a == "train";
    return train != (b == "train") ? train
                                   : std::make_pair(a != "val", a) < std::make_pair(b != "val", b);
  };
  std::map<std::string, Counter, decltype(order)> splits(order);
  Counter all;
  for (const auto& reference : index.references()) {
    all.add(reference);
    for (const auto& name : names_of_split(reference.split)) splits[name].add(reference);
  }
  std::vector<SplitStatistics> counted;
  for (auto& [name, counter] : splits) counted.push_back(counter.finish(name));
  counted.push_back(all.finish("all"));
  return counted;
}

void count_texts(const ReferIndex& index, const text::Tokenizer& tokenizer,
                 Statistics& statistics) {
  std::unordered_set<std::string> vocabulary;
  std::vector<double> words;
  std::vector<double> tokens;
  for (const auto& reference : index.references()) {
    for (const auto& sentence : reference.sentences) {
      const auto split = text::split_words(sentence.text);
      vocabulary.insert(split.begin(), split.end());
      const auto count = static_cast<std::int64_t>(split.size());
      ++statistics.sentences_by_words[count];
      words.push_back(static_cast<double>(count));
      const auto encoded = tokenizer.encode(sentence.text, statistics.text_length);
      tokens.push_back(static_cast<double>(encoded.words + 2));
      statistics.omissions.add(encoded);
    }
  }
  statistics.vocabulary = static_cast<std::int64_t>(vocabulary.size());
  statistics.words = describe_values(std::move(words));
  statistics.tokens = describe_values(std::move(tokens));
}

/// Annotated and referred objects a picture, of the pictures that sentences refer to.
void count_objects(const ReferIndex& index, Statistics& statistics) {
  std::unordered_map<std::int64_t, std::unordered_set<std::int64_t>> of_picture;
  for (const auto& reference : index.references()) {
    of_picture[reference.image_id].insert(reference.ann_id);
  }
  std::vector<double> annotated;
  std::vector<double> referred;
  for (const auto& [image_id, objects] : of_picture) {
    annotated.push_back(static_cast<double>(index.annotations_of(image_id).size()));
    referred.push_back(static_cast<double>(objects.size()));
  }
  statistics.annotated = describe_values(std::move(annotated));
  statistics.referred = describe_values(std::move(referred));
}

void measure_masks(const ReferIndex& index, int threads, Statistics& statistics) {
  std::set<std::int64_t> referred;
  for (const auto& reference : index.references()) {
    if (index.annotation(reference.ann_id).has_mask()) referred.insert(reference.ann_id);
  }
  const std::vector<std::int64_t> ids(referred.begin(), referred.end());
  std::vector<double> shares(ids.size());
  core::parallel_for(static_cast<std::int64_t>(ids.size()), threads, [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    const image::Rle mask = index.mask(index.annotation(ids[at]));
    shares[at] = static_cast<double>(image::area(mask)) /
                 (static_cast<double>(mask.height) * static_cast<double>(mask.width));
  });
  const auto empty = std::erase_if(shares, [](double share) { return share <= 0; });
  statistics.unmasked = static_cast<std::int64_t>(empty);
  statistics.mask_share = describe_values(std::move(shares));
}

}  // namespace

Statistics count_dataset(const ReferIndex& index, const text::Tokenizer& tokenizer,
                         std::int64_t text_length, int threads) {
  Statistics statistics;
  statistics.text_length = text_length;
  statistics.splits = count_splits(index);
  count_texts(index, tokenizer, statistics);
  count_objects(index, statistics);
  measure_masks(index, threads, statistics);
  return statistics;
}

}  // namespace pcnet::data
