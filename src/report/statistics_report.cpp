#include <algorithm>
#include <map>
#include <set>

#include "pcnet/core/format.h"
#include "pcnet/report/dataset_report.h"
#include "pcnet/report/text_table.h"

namespace pcnet::report {

using core::cat;
using core::fixed;
using nlohmann::ordered_json;

namespace {

ordered_json to_json(const data::Distribution& d) {
  return {{"count", d.count},     {"mean", d.mean},
          {"minimum", d.minimum}, {"lower_quartile", d.lower_quartile},
          {"median", d.median},   {"upper_quartile", d.upper_quartile},
          {"maximum", d.maximum}};
}

ordered_json to_json(const data::SplitStatistics& split) {
  ordered_json document = {{"references", split.references},
                           {"objects", split.objects},
                           {"pictures", split.pictures},
                           {"sentences", split.sentences}};
  if (!split.kinds.empty()) document["kinds"] = split.kinds;
  return document;
}

std::string ratio(std::int64_t sum, std::int64_t count) {
  return count == 0 ? "-" : fixed(static_cast<double>(sum) / static_cast<double>(count), 2);
}

/// Splits as rows; a column for each kind of sentence where there are kinds.
std::string split_table(const data::Statistics& statistics) {
  std::set<std::string> kinds;
  for (const auto& split : statistics.splits) {
    for (const auto& [kind, count] : split.kinds) kinds.insert(kind);
  }
  std::vector<std::vector<std::string>> rows = {
      {"", "references", "objects", "images", "sentences", "an image"}};
  for (const auto& kind : kinds) rows.front().push_back(kind);
  for (const auto& split : statistics.splits) {
    rows.push_back({split.name, cat(split.references), cat(split.objects), cat(split.pictures),
                    cat(split.sentences), ratio(split.sentences, split.pictures)});
    for (const auto& kind : kinds) {
      const auto count = split.kinds.find(kind);
      rows.back().push_back(count == split.kinds.end() ? "0" : cat(count->second));
    }
  }
  return text_table(rows);
}

std::vector<std::string> distribution_row(const std::string& name, const data::Distribution& d,
                                          double scale, int decimals) {
  std::vector<std::string> row = {name, fixed(d.mean * scale, std::max(decimals, 1))};
  for (const double value : {d.minimum, d.lower_quartile, d.median, d.upper_quartile, d.maximum}) {
    row.push_back(fixed(value * scale, decimals));
  }
  return row;
}

std::string distribution_table(const data::Statistics& statistics) {
  return text_table(
      {{"", "mean", "minimum", "25 %", "median", "75 %", "maximum"},
       distribution_row("words a sentence", statistics.words, 1, 0),
       distribution_row("tokens a sentence, with start and end", statistics.tokens, 1, 0),
       distribution_row("annotated objects an image", statistics.annotated, 1, 0),
       distribution_row("referred objects an image", statistics.referred, 1, 0),
       distribution_row("mask, % of its image", statistics.mask_share, 100, 2)});
}

/// Bars of the number of words; the long tail is one bar.
std::string histogram(const data::Statistics& statistics) {
  constexpr std::int64_t kLast = 12;
  constexpr double kWidest = 40;
  std::map<std::int64_t, std::int64_t> bars;
  std::int64_t highest = 1;
  for (const auto& [words, count] : statistics.sentences_by_words) {
    highest = std::max(highest, bars[std::min(words, kLast)] += count);
  }
  std::string text;
  for (const auto& [words, count] : bars) {
    const double share = static_cast<double>(count) / static_cast<double>(statistics.words.count);
    const double width = kWidest * static_cast<double>(count) / static_cast<double>(highest);
    const std::string label = cat(words, words == kLast ? "+" : "");
    const std::string percent = fixed(100 * share, 1);
    text += cat(std::string(5 - std::min<std::size_t>(label.size(), 5), ' '), label,
                std::string(8 - std::min<std::size_t>(percent.size(), 8), ' '), percent, " %  ",
                std::string(static_cast<std::size_t>(width + 0.5), '#'), "\n");
  }
  return text;
}

std::string published_table(const std::vector<data::PublishedCount>& published) {
  std::vector<std::vector<std::string>> rows = {{"", "here", "published", ""}};
  for (const auto& count : published) {
    rows.push_back({cat(count.split, " ", count.what), cat(count.here), cat(count.published),
                    count.agrees() ? "the same" : "DIFFERENT"});
  }
  return text_table(rows);
}

}  // namespace

ordered_json to_json(const data::Statistics& statistics,
                     const std::vector<data::PublishedCount>& published) {
  ordered_json splits = ordered_json::object();
  for (const auto& split : statistics.splits) splits[split.name] = to_json(split);
  ordered_json histogram = ordered_json::object();
  for (const auto& [words, count] : statistics.sentences_by_words) {
    histogram[std::to_string(words)] = count;
  }
  ordered_json compared = ordered_json::array();
  for (const auto& count : published) {
    compared.push_back({{"split", count.split},
                        {"what", count.what},
                        {"here", count.here},
                        {"published", count.published},
                        {"agrees", count.agrees()}});
  }
  return {{"splits", std::move(splits)},
          {"vocabulary", statistics.vocabulary},
          {"words_a_sentence", to_json(statistics.words)},
          {"sentences_by_words", std::move(histogram)},
          {"tokens_a_sentence", to_json(statistics.tokens)},
          {"text_length", statistics.text_length},
          {"sentences_longer_than_text_length", statistics.omissions.cut},
          {"sentences_with_unknown_words", statistics.omissions.texts_with_unknown},
          {"unknown_words", statistics.omissions.words},
          {"annotated_objects_a_picture", to_json(statistics.annotated)},
          {"referred_objects_a_picture", to_json(statistics.referred)},
          {"mask_share_of_the_picture", to_json(statistics.mask_share)},
          {"objects_without_pixels", statistics.unmasked},
          {"published", std::move(compared)}};
}

std::string statistics_text(const data::Statistics& statistics,
                            const std::vector<data::PublishedCount>& published) {
  const std::int64_t sentences = statistics.words.count;
  std::string text = split_table(statistics) + "\n" + distribution_table(statistics) + "\n";
  text += cat("vocabulary: ", statistics.vocabulary, " distinct words\n");
  text +=
      cat("longer than data.text_length (", statistics.text_length,
          " tokens), will be cut: ", statistics.omissions.cut, " of ", sentences, " sentences\n");
  text += cat(
      "with words that training does not know, left out: ", statistics.omissions.texts_with_unknown,
      " of ", sentences, " sentences (", statistics.omissions.words.size(), " different words)\n");
  if (statistics.unmasked > 0) {
    text += cat("referred objects without a pixel: ", statistics.unmasked, "\n");
  }
  if (sentences > 0) text += "\nwords a sentence\n" + histogram(statistics);
  if (!published.empty()) text += "\n" + published_table(published);
  return text;
}

}  // namespace pcnet::report
