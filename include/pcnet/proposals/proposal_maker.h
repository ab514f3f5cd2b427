#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <c10/core/Device.h>
#include <nlohmann/json.hpp>

#include "pcnet/config/choice.h"
#include "pcnet/config/grid_proposal_options.h"
#include "pcnet/config/mask_generator_options.h"
#include "pcnet/config/proposal_filter_options.h"
#include "pcnet/data/proposals/proposal_filter.h"
#include "pcnet/image/picture.h"

namespace pcnet::proposals {

/// Seconds by part of the work, summed over the threads that do it.
using PartSeconds = std::vector<std::pair<std::string, double>>;

/// Makes the proposals of an image. Several threads may ask at once.
class ProposalMaker {
 public:
  virtual ~ProposalMaker() = default;
  /// What the proposals depend on beside the image: source, settings, the weights' digest.
  virtual nlohmann::ordered_json settings() const = 0;
  virtual std::vector<data::ScoredProposal> propose(const image::Picture& picture) = 0;
  /// How many images should be worked on at once where there are so many threads.
  virtual int images_at_once(int threads) const = 0;
  /// Where the time of `propose` went so far; empty where it has no parts.
  virtual PartSeconds seconds() const { return {}; }
};

/// Without a network (grid_proposals.h).
std::unique_ptr<ProposalMaker> make_grid_maker(const config::GridProposalOptions& options);

/// The arithmetic of Segment Anything; the halves are for CUDA devices.
enum class SamPrecision { kFp32, kBf16, kFp16 };
constexpr std::array<std::string_view, 3> words(SamPrecision) { return {"fp32", "bf16", "fp16"}; }

/// What the maker with Segment Anything is given.
struct SamMakerOptions {
  std::filesystem::path weights;  ///< sam_vit_*.pth or mobile_sam.pt
  config::MaskGeneratorOptions generator;
  config::ProposalFilterOptions filter;  ///< App. D's selection among the generator's masks
  c10::Device device = c10::kCPU;
  config::Choice<SamPrecision> precision = SamPrecision::kFp32;
};
/// Segment Anything's automatic mask generator, and of its masks those that App. D takes. Error for
/// weights that are no SAM, and for a half precision on a processor.
std::unique_ptr<ProposalMaker> make_sam_maker(const SamMakerOptions& options);

/// FreeSOLO, and of its proposals those that the filter takes. Error for weights of another model.
std::unique_ptr<ProposalMaker> make_freesolo_maker(const std::filesystem::path& weights,
                                                   const config::ProposalFilterOptions& filter,
                                                   c10::Device device);

}  // namespace pcnet::proposals
