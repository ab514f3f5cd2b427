#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "pcnet/config/proposal_filter_options.h"
#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/image/rle.h"

namespace pcnet::data {

/// One format of proposal files. Its functions are called from several threads.
class ProposalSource {
 public:
  virtual ~ProposalSource() = default;
  virtual bool has(const ImageRecord& picture) const = 0;
  /// The picture's masks, filtered if they are to be; has() holds. Errors name the file.
  virtual std::vector<image::Rle> read(const ImageRecord& picture) const = 0;
  /// The file that holds the picture's entry.
  virtual std::filesystem::path file_of(const ImageRecord& picture) const = 0;
};

/// @param images folder of the pictures, whose files are compared where the lines have their
/// digest; empty: they are not
std::unique_ptr<ProposalSource> open_proposal_lines(const std::filesystem::path& path,
                                                    const ReferIndex& index,
                                                    const config::ProposalFilterOptions& filter,
                                                    const std::filesystem::path& images);
std::unique_ptr<ProposalSource> open_freesolo(const std::filesystem::path& path,
                                              const ReferIndex& index,
                                              const config::ProposalFilterOptions& filter);
/// A folder of SAM's or of the released code's files; Error when it is none or several.
std::unique_ptr<ProposalSource> open_proposal_folder(const std::filesystem::path& folder,
                                                     const config::ProposalFilterOptions& filter);

}  // namespace pcnet::data
