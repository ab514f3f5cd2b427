#include <array>
#include <optional>
#include <string_view>

#include "pcnet/data/audit/statistics.h"

namespace pcnet::data {

namespace {

/// What the REFER project and the papers that use it print; -1: no figure that can be relied on.
struct Row {
  std::string_view dataset;
  std::string_view split_by;
  std::string_view split;
  std::int64_t references;
  std::int64_t sentences;
  std::int64_t pictures;
  std::int64_t objects;
};

constexpr std::array kRows = {
    Row{"refcoco", "unc", "train", 42404, 120624, 16994, -1},
    Row{"refcoco", "unc", "val", 3811, 10834, 1500, -1},
    Row{"refcoco", "unc", "test", 3785, -1, -1, -1},
    Row{"refcoco", "unc", "testA", 1975, 5657, 750, -1},
    Row{"refcoco", "unc", "testB", 1810, 5095, 750, -1},
    Row{"refcoco", "unc", "all", 50000, 142210, 19994, 50000},
    Row{"refcoco+", "unc", "train", 42278, 120191, 16992, -1},
    Row{"refcoco+", "unc", "val", 3805, 10758, 1500, -1},
    Row{"refcoco+", "unc", "testA", 1975, 5726, 750, -1},
    Row{"refcoco+", "unc", "testB", 1798, 4889, 750, -1},
    Row{"refcoco+", "unc", "all", 49856, 141564, 19992, 49856},
    Row{"refcocog", "umd", "train", 42226, 80512, 21899, -1},
    Row{"refcocog", "umd", "val", 2573, 4896, 1300, -1},
    Row{"refcocog", "umd", "test", 5023, 9602, 2600, -1},
    Row{"refcocog", "umd", "all", 49822, 95010, 25799, 49822},
};

/// A split's counts; "test" without one of its own is testA and testB together, for which only
/// references and sentences can be added up.
std::optional<SplitStatistics> counts_of(const Statistics& statistics, std::string_view name) {
  SplitStatistics sum;
  bool any = false;
  for (const auto& split : statistics.splits) {
    if (split.name == name) return split;
    if (name != "test" || !split.name.starts_with("test")) continue;
    any = true;
    sum.references += split.references;
    sum.sentences += split.sentences;
  }
  if (any) return sum;
  return std::nullopt;
}

}  // namespace

std::vector<PublishedCount> compare_with_published(const std::string& dataset,
                                                   const std::string& split_by,
                                                   const Statistics& statistics) {
  std::vector<PublishedCount> compared;
  for (const auto& row : kRows) {
    if (row.dataset != dataset || row.split_by != split_by) continue;
    const SplitStatistics here = counts_of(statistics, row.split).value_or(SplitStatistics{});
    const auto add = [&](const char* what, std::int64_t published, std::int64_t counted) {
      if (published < 0) return;
      compared.push_back({std::string(row.split), what, published, counted});
    };
    add("references", row.references, here.references);
    add("sentences", row.sentences, here.sentences);
    add("images", row.pictures, here.pictures);
    add("objects", row.objects, here.objects);
  }
  return compared;
}

}  // namespace pcnet::data
