#include <utility>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/report/comparison.h"
#include "pcnet/report/results.h"
#include "pcnet/report/text_table.h"

namespace pcnet::report {

using core::cat;
using core::fixed;
using nlohmann::ordered_json;

namespace {

ordered_json to_json(const metrics::Figures& figures) {
  return {{"point_m", figures.point_m}, {"miou", figures.miou}, {"oiou", figures.oiou}};
}

ordered_json to_json(const Contrast& contrast) {
  const auto& [a, b] = std::pair(contrast.a, contrast.b);
  return {{"sentences", contrast.sentences},
          {"images", contrast.images},
          {"a", to_json(a)},
          {"b", to_json(b)},
          {"difference",
           to_json(metrics::Figures{b.point_m - a.point_m, b.miou - a.miou, b.oiou - a.oiou})},
          {"intervals", report::to_json(contrast.intervals)},
          {"hits",
           {{"both", contrast.both},
            {"only_a", contrast.only_a},
            {"only_b", contrast.only_b},
            {"neither", contrast.neither},
            {"mcnemar_p", contrast.mcnemar}}}};
}

ordered_json to_json(const Comparison& all, const std::vector<AnswerPair>& pairs) {
  const auto side = [](const SentenceAnswer& answer) {
    return ordered_json{{"hit", answer.score.hit}, {"iou", metrics::iou(answer.score)}};
  };
  auto list = ordered_json::array();
  for (const auto& pair : pairs) {
    const auto& a = all.a.sentences[pair.a];
    ordered_json entry = {{"sent_id", a.sent_id},
                          {"image_id", a.image_id},
                          {"text", a.text},
                          {"a", side(a)},
                          {"b", side(all.b.sentences[pair.b])},
                          {"difference", pair.difference}};
    if (!a.kind.empty()) entry["kind"] = a.kind;
    list.push_back(std::move(entry));
  }
  return list;
}

std::string with_sign(double value, int decimals) {
  const std::string text = fixed(value, decimals);
  return text.starts_with('-') ? text : "+" + text;
}

/// One figure: of all, and of each kind below it.
void add_rows(const SplitComparison& split, const char* name, double metrics::Figures::*figure,
              metrics::Interval metrics::Intervals::*interval,
              std::vector<std::vector<std::string>>& rows) {
  const auto add = [&](const std::string& title, const Contrast& contrast) {
    const double a = contrast.a.*figure;
    const double b = contrast.b.*figure;
    const auto& range = contrast.intervals.*interval;
    rows.push_back({title, fixed(a, 1), fixed(b, 1), with_sign(b - a, 1),
                    cat(with_sign(range.low, 1), " to ", with_sign(range.high, 1))});
  };
  add(name, split.whole);
  for (const auto& [kind, contrast] : split.kinds) add("  " + kind, contrast);
}

std::string figures_table(const SplitComparison& split) {
  std::vector<std::vector<std::string>> rows = {{"", "A", "B", "B - A", "95 % interval"}};
  add_rows(split, "PointM", &metrics::Figures::point_m, &metrics::Intervals::point_m, rows);
  add_rows(split, "mIoU", &metrics::Figures::miou, &metrics::Intervals::miou, rows);
  add_rows(split, "oIoU", &metrics::Figures::oiou, &metrics::Intervals::oiou, rows);
  return text_table(rows);
}

std::string hits_table(const SplitComparison& split) {
  std::vector<std::vector<std::string>> rows = {
      {"hits of", "sentences", "both", "only A", "only B", "neither", "McNemar p"}};
  const auto add = [&](const std::string& title, const Contrast& contrast) {
    rows.push_back({title, cat(contrast.sentences), cat(contrast.both), cat(contrast.only_a),
                    cat(contrast.only_b), cat(contrast.neither), p_text(contrast.mcnemar)});
  };
  add(split.split, split.whole);
  for (const auto& [kind, contrast] : split.kinds) add("  " + kind, contrast);
  return text_table(rows);
}

std::string leads_table(const Comparison& all, const std::vector<AnswerPair>& pairs,
                        const char* title) {
  if (pairs.empty()) return {};
  const auto side = [](const SentenceAnswer& answer) {
    return cat(fixed(metrics::iou(answer.score), 2), answer.score.hit ? " hit" : "    ");
  };
  std::vector<std::vector<std::string>> rows = {{title, "sent_id", "IoU A", "IoU B", "B - A"}};
  for (const auto& pair : pairs) {
    const auto& a = all.a.sentences[pair.a];
    rows.push_back({"  " + core::json_text(nlohmann::json(a.text)), cat(a.sent_id), side(a),
                    side(all.b.sentences[pair.b]), with_sign(pair.difference, 2)});
  }
  return text_table(rows);
}

}  // namespace

std::string p_text(double p) { return p < 0.0005 ? "< 0.001" : fixed(p, 3); }

ordered_json to_json(const Comparison& comparison) {
  ordered_json document = {{"a", comparison.a.name},
                           {"b", comparison.b.name},
                           {"intervals", report::to_json(metrics::Resampling{})}};
  for (const auto& split : comparison.splits) {
    ordered_json one = to_json(split.whole);
    for (const auto& [kind, contrast] : split.kinds) one["kinds"][kind] = to_json(contrast);
    one["better_a"] = to_json(comparison, split.better_a);
    one["better_b"] = to_json(comparison, split.better_b);
    document["splits"][split.split] = std::move(one);
  }
  return document;
}

std::string to_text(const Comparison& comparison) {
  std::string text = cat("A  ", comparison.a.name, "\nB  ", comparison.b.name, "\n");
  for (const auto& split : comparison.splits) {
    text += cat("\n", split.split, ": ", split.whole.sentences, " sentences on ",
                split.whole.images, " images\n", figures_table(split), "\n", hits_table(split));
    const std::string a = leads_table(comparison, split.better_a, "A is better");
    const std::string b = leads_table(comparison, split.better_b, "B is better");
    for (const auto& table : {a, b}) text += table.empty() ? "" : "\n" + table;
  }
  return text;
}

}  // namespace pcnet::report
