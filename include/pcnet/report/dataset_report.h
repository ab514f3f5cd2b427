#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/data/audit/audit.h"
#include "pcnet/data/audit/statistics.h"

namespace pcnet::report {

/// The findings of an audit with every item: {"faults": items, "notes": items, "findings":
/// [{"kind", "severity": "fault" | "note", "count", "advice", "items": [{"where", "what"}]}]}.
nlohmann::ordered_json to_json(const std::vector<data::Finding>& findings);

/// The same for people, a paragraph a kind, with up to `most` items of each and the number left
/// out.
std::string audit_text(const std::vector<data::Finding>& findings, std::size_t most);

/// Every number, exact.
nlohmann::ordered_json to_json(const data::Statistics& statistics,
                               const std::vector<data::PublishedCount>& published);

/// The same for people: tables and a histogram.
std::string statistics_text(const data::Statistics& statistics,
                            const std::vector<data::PublishedCount>& published);

}  // namespace pcnet::report
