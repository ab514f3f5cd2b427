#include <algorithm>

#include "pcnet/core/format.h"
#include "pcnet/report/dataset_report.h"

namespace pcnet::report {

using core::cat;
using nlohmann::ordered_json;

ordered_json to_json(const std::vector<data::Finding>& findings) {
  ordered_json list = ordered_json::array();
  for (const auto& finding : findings) {
    ordered_json items = ordered_json::array();
    for (const auto& item : finding.items) {
      items.push_back({{"where", item.where}, {"what", item.what}});
    }
    list.push_back({{"kind", finding.kind},
                    {"severity", finding.is_fault ? "fault" : "note"},
                    {"count", finding.items.size()},
                    {"advice", finding.advice},
                    {"items", std::move(items)}});
  }
  return {{"faults", data::count_items(findings, true)},
          {"notes", data::count_items(findings, false)},
          {"findings", std::move(list)}};
}

std::string audit_text(const std::vector<data::Finding>& findings, std::size_t most) {
  std::string text;
  for (const auto& finding : findings) {
    text += cat(finding.is_fault ? "FAULT  " : "note   ", finding.kind, ": ", finding.items.size(),
                "\n");
    const std::size_t shown = std::min(most, finding.items.size());
    for (std::size_t i = 0; i < shown; ++i) {
      text += cat("         ", finding.items[i].where, ": ", finding.items[i].what, "\n");
    }
    if (shown < finding.items.size()) {
      text += cat("         and ", finding.items.size() - shown, " more (--all lists them)\n");
    }
    if (!finding.advice.empty()) text += cat("       -> ", finding.advice, "\n");
  }
  return text;
}

}  // namespace pcnet::report
