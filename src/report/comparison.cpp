#include "pcnet/report/comparison.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

namespace pcnet::report {

using core::cat;

namespace {

using Key = std::pair<std::string, std::int64_t>;  // split, sent_id

std::string quoted(const std::string& text) { return core::json_text(nlohmann::json(text)); }

bool knows_splits(const Answers& answers) {
  return std::none_of(answers.sentences.begin(), answers.sentences.end(),
                      [](const auto& answer) { return answer.split.empty(); });
}

std::map<Key, std::size_t> places(const Answers& answers) {
  std::map<Key, std::size_t> found;
  for (std::size_t i = 0; i < answers.sentences.size(); ++i) {
    const auto& one = answers.sentences[i];
    if (found.emplace(Key(one.split, one.sent_id), i).second) continue;
    throw core::Error(cat(answers.name, " answers sent_id ", one.sent_id,
                          " in several splits, and the other does not know which it is of"));
  }
  return found;
}

std::string named(const SentenceAnswer& answer) {
  return cat("sent_id ", answer.sent_id, " of ", answer.split, ", ", quoted(answer.text),
             " on image_id ", answer.image_id);
}

/// What the first answers and the second does not; empty: nothing.
std::string missing(const Answers& from, const std::map<Key, std::size_t>& in) {
  std::size_t count = 0;
  const SentenceAnswer* first = nullptr;
  for (const auto& answer : from.sentences) {
    if (in.contains({answer.split, answer.sent_id})) continue;
    if (count++ == 0) first = &answer;
  }
  if (count == 0) return {};
  return cat(count, " of ", from.sentences.size(), " only in ", from.name, " (first ",
             named(*first), ")");
}

/// For each of a's sentences b's answer to it.
std::vector<std::size_t> partners(const Answers& a, const Answers& b) {
  const auto of_a = places(a);
  const auto of_b = places(b);
  std::vector<std::string> faults;
  for (const auto& fault : {missing(a, of_b), missing(b, of_a)}) {
    if (!fault.empty()) faults.push_back(fault);
  }
  if (!faults.empty()) {
    throw core::Error(cat("they do not answer the same sentences: ", core::join(faults, "; "),
                          "; wanted the same splits of the same dataset"));
  }
  std::vector<std::size_t> found;
  std::size_t different = 0;
  std::string first;
  for (const auto& answer : a.sentences) {
    found.push_back(of_b.at({answer.split, answer.sent_id}));
    const auto& other = b.sentences[found.back()];
    if (answer.text == other.text && answer.image_id == other.image_id) continue;
    if (different++ == 0) first = cat(named(answer), " in ", a.name, " is ", named(other));
  }
  if (different > 0) {
    throw core::Error(cat("they answer other datasets: ", different, " of ", found.size(),
                          " sentences differ; ", first, " in ", b.name));
  }
  return found;
}

Contrast contrast(const Comparison& all, const std::vector<AnswerPair>& pairs) {
  metrics::SumsByImage sums[2];
  Contrast result;
  result.sentences = static_cast<std::int64_t>(pairs.size());
  for (const auto& pair : pairs) {
    const auto& a = all.a.sentences[pair.a];
    const auto& b = all.b.sentences[pair.b];
    sums[0].add(a.image_id, a.score);
    sums[1].add(a.image_id, b.score);
    auto& count = a.score.hit ? (b.score.hit ? result.both : result.only_a)
                              : (b.score.hit ? result.only_b : result.neither);
    ++count;
  }
  result.images = static_cast<std::int64_t>(sums[0].images().size());
  result.a = metrics::figures(sums[0].images());
  result.b = metrics::figures(sums[1].images());
  result.intervals = metrics::bootstrap_difference(sums[0].images(), sums[1].images());
  result.mcnemar = metrics::mcnemar_exact(result.only_a, result.only_b);
  return result;
}

/// Those where `sign` times the difference is above 0, the largest first.
std::vector<AnswerPair> leads(const std::vector<AnswerPair>& pairs, double sign,
                              std::int64_t most) {
  std::vector<AnswerPair> found;
  for (const auto& pair : pairs) {
    if (sign * pair.difference > 0) found.push_back(pair);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& one, const auto& other) {
    return std::abs(one.difference) > std::abs(other.difference);
  });
  found.resize(std::min(found.size(), static_cast<std::size_t>(most)));
  return found;
}

SplitComparison compare_split(const Comparison& all, const std::vector<AnswerPair>& pairs,
                              std::int64_t largest) {
  SplitComparison result;
  result.split = all.a.sentences[pairs.front().a].split;
  result.whole = contrast(all, pairs);
  std::map<std::string, std::vector<AnswerPair>> kinds;
  for (const auto& pair : pairs) {
    const std::string& kind = all.a.sentences[pair.a].kind;
    if (!kind.empty()) kinds[kind].push_back(pair);
  }
  for (const auto& [kind, own] : kinds) result.kinds.emplace(kind, contrast(all, own));
  result.better_a = leads(pairs, -1, largest);
  result.better_b = leads(pairs, 1, largest);
  return result;
}

}  // namespace

Comparison compare(Answers a, Answers b, std::int64_t largest) {
  if (!knows_splits(a) || !knows_splits(b)) {
    for (auto* side : {&a, &b}) {
      for (auto& answer : side->sentences) answer.split = "all";
    }
  }
  Comparison result{std::move(a), std::move(b), {}};
  const auto partner = partners(result.a, result.b);
  std::vector<std::string> names;
  std::map<std::string, std::vector<AnswerPair>> splits;
  for (std::size_t i = 0; i < partner.size(); ++i) {
    const auto& answer = result.a.sentences[i];
    const double lead =
        metrics::iou(result.b.sentences[partner[i]].score) - metrics::iou(answer.score);
    auto& pairs = splits[answer.split];
    if (pairs.empty()) names.push_back(answer.split);
    pairs.push_back({i, partner[i], lead});
  }
  for (const auto& name : names) {
    result.splits.push_back(compare_split(result, splits.at(name), largest));
  }
  return result;
}

}  // namespace pcnet::report
