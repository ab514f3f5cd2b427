#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pcnet/data/annotations/dataset_tree.h"
#include "pcnet/data/annotations/faults.h"
#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/data/annotations/tell.h"
#include "pcnet/image/rle.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::data {

/// The cues of a sentence; null or empty when it has none.
using FindCues = std::function<const std::vector<std::string>*(const Sentence&)>;
/// The proposals of a picture; null when there are none. An Error it throws is a fault of that
/// picture.
using FindProposals = std::function<std::shared_ptr<const std::vector<image::Rle>>(std::int64_t)>;

/// What an audit looks at, and how closely.
struct AuditParts {
  const ReferIndex& index;
  const DatasetFiles& files;
  const text::Tokenizer& tokenizer;
  std::int64_t text_length = 20;  ///< tokens, start and end included
  FindCues cues = {};             ///< empty: not looked at
  FindProposals proposals = {};   ///< empty: not looked at
  bool decode_pictures = true;    ///< false: their headers alone
  int threads = 1;
  Tell tell = {};  ///< empty: nobody asks
};

/// All that was found of one kind.
struct Finding {
  std::string kind;          ///< "missing picture", ...
  bool is_fault = true;      ///< false: worth knowing, nothing is wrong
  std::string advice;        ///< what to do; may be empty
  std::vector<Fault> items;  ///< in the order found
};

/// Looks at pictures, masks, texts, splits, cues and proposals, after the faults and notes that
/// reading found already. Faults come first, a finding a kind. Never throws for what it finds.
std::vector<Finding> audit(const AuditParts& parts, Faults faults = {}, Faults notes = {});

/// The same of the cues alone: sentences without any, cues without tokens or that will be cut.
std::vector<Finding> audit_cues(const AuditParts& parts);

/// How many items the faults (or else the notes) among the findings have.
std::int64_t count_items(const std::vector<Finding>& findings, bool faults);

}  // namespace pcnet::data
