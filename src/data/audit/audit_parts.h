#pragma once

#include <optional>

#include "pcnet/data/audit/audit.h"

namespace pcnet::data {

/// Faults and notes while an audit goes on.
struct Found {
  Faults faults;
  Faults notes;
};

/// Looks at each of `count` things, called `what`, on several threads; what is found is added to
/// `into` in their order.
void look_at_each(const AuditParts& parts, const char* what, std::size_t count,
                  const std::function<std::optional<Fault>(std::size_t)>& look, Faults& into);

/// Missing, unreadable and wrongly sized pictures, and files that are two pictures.
void audit_pictures(const AuditParts& parts, Found& found);

/// Masks without a pixel, and polygons that leave their picture.
void audit_masks(const AuditParts& parts, Found& found);

/// References without sentences, sentences without tokens, texts that will be cut.
void audit_texts(const AuditParts& parts, Found& found);

/// Pictures that are both in train and in another split.
void audit_leaks(const AuditParts& parts, Found& found);

/// Sentences without cues and pictures without proposals.
void audit_cues(const AuditParts& parts, Found& found);
void audit_proposals(const AuditParts& parts, Found& found);

/// What to do about a kind of finding; empty when the finding says it all.
std::string advice_for(const std::string& kind, const DatasetFiles& files);

}  // namespace pcnet::data
