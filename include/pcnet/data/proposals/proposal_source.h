#pragma once

#include <filesystem>
#include <vector>

#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/data/proposals/proposal_filter.h"

namespace pcnet::data {

/// Where proposals come from: a format of files, or a pack. Its functions are called from several
/// threads.
class ProposalSource {
 public:
  virtual ~ProposalSource() = default;
  virtual bool has(const ImageRecord& picture) const = 0;
  /// The picture's proposals, filtered if they are to be; has() holds. Errors name the file.
  virtual std::vector<ScoredProposal> read(const ImageRecord& picture) const = 0;
  /// The file that holds the picture's entry.
  virtual std::filesystem::path file_of(const ImageRecord& picture) const = 0;
};

}  // namespace pcnet::data
