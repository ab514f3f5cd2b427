#include "pcnet/data/audit/audit.h"

#include <algorithm>
#include <utility>

#include "audit_parts.h"
#include "data/annotations/tell_each.h"

namespace pcnet::data {

namespace {

/// One finding a kind, in the order of the first of each.
void group(const Faults& faults, bool is_fault, const DatasetFiles& files,
           std::vector<Finding>& into) {
  const auto begin = static_cast<std::ptrdiff_t>(into.size());
  for (const Fault& fault : faults.all()) {
    auto at = std::find_if(into.begin() + begin, into.end(),
                           [&](const Finding& finding) { return finding.kind == fault.kind; });
    if (at == into.end()) {
      at = into.insert(into.end(), {fault.kind, is_fault, advice_for(fault.kind, files), {}});
    }
    at->items.push_back(fault);
  }
}

std::vector<Finding> findings_of(const Found& found, const DatasetFiles& files) {
  std::vector<Finding> findings;
  group(found.faults, true, files, findings);
  group(found.notes, false, files, findings);
  return findings;
}

}  // namespace

void look_at_each(const AuditParts& parts, const char* what, std::size_t count,
                  const std::function<std::optional<Fault>(std::size_t)>& look, Faults& into) {
  std::vector<std::optional<Fault>> found(count);
  tell_each(
      parts.tell, what, count, parts.threads, [&](std::size_t i) { found[i] = look(i); },
      [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
          if (found[i]) into.add(std::move(*found[i]));
        }
      });
}

std::vector<Finding> audit_cues(const AuditParts& parts) {
  Found found;
  audit_cues(parts, found);
  return findings_of(found, parts.files);
}

std::vector<Finding> audit(const AuditParts& parts, Faults faults, Faults notes) {
  Found found{std::move(faults), std::move(notes)};
  audit_pictures(parts, found);
  audit_masks(parts, found);
  audit_texts(parts, found);
  audit_leaks(parts, found);
  audit_cues(parts, found);
  audit_proposals(parts, found);
  return findings_of(found, parts.files);
}

std::int64_t count_items(const std::vector<Finding>& findings, bool faults) {
  std::int64_t count = 0;
  for (const auto& finding : findings) {
    if (finding.is_fault == faults) count += static_cast<std::int64_t>(finding.items.size());
  }
  return count;
}

}  // namespace pcnet::data
