#pragma once

#include <filesystem>
#include <memory>

#include "pcnet/config/proposal_filter_options.h"
#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/data/proposals/proposal_source.h"

namespace pcnet::data {

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
