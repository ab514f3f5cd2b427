#include "pcnet/proposals/proposal_maker.h"

#include <algorithm>
#include <mutex>
#include <type_traits>
#include <utility>

#include <torch/torch.h>

#include "pcnet/core/autocast.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/mapped_file.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/proposals/proposal_filter.h"
#include "pcnet/freesolo/weights.h"
#include "pcnet/proposals/grid_proposals.h"
#include "pcnet/proposals/mask_generator.h"
#include "pcnet/sam/predictor.h"

namespace pcnet::proposals {

using nlohmann::ordered_json;

namespace {

/// The options that change what comes out, by their names.
template <class Options>
ordered_json settings_of(const Options& options) {
  ordered_json settings = ordered_json::object();
  Options::fields([&](const char* key, auto member, const config::FieldInfo& info) {
    if (info.affects == config::Affects::kNothing) return;
    if constexpr (config::IsChoice<std::remove_cvref_t<decltype(options.*member)>>) {
      settings[key] = (options.*member).word();
    } else {
      settings[key] = options.*member;
    }
  });
  return settings;
}

class GridMaker : public ProposalMaker {
 public:
  explicit GridMaker(const config::GridProposalOptions& options) : options_(options) {}

  ordered_json settings() const override {
    return {{"source", "grid"}, {"settings", settings_of(options_)}};
  }
  std::vector<data::ScoredProposal> propose(const image::Picture& picture) override {
    return data::unscored(grid_proposals(picture, options_));
  }
  int images_at_once(int threads) const override { return threads; }

 private:
  config::GridProposalOptions options_;
};

/// A SAM that several threads ask in turn.
class SharedSam {
 public:
  SharedSam(const std::filesystem::path& weights, c10::Device device)
      : predictor_(sam::load_sam(weights, device)), device_(device) {}

  sam::Embedding embed(const image::Picture& picture) {
    const std::lock_guard lock(mutex_);
    const core::Lap lap;
    sam::Embedding embedding = predictor_.embed(picture);
    if (device_.is_cuda())
      torch::cuda::synchronize(
          device_.index());  // what is still under way is no time of the clicks
    encoder_ += lap.seconds();
    return embedding;
  }
  ClickMasks clicks(const sam::Embedding& embedding, std::span<const Point> points) {
    const std::lock_guard lock(mutex_);
    const core::Lap lap;
    predictor_.set_image(embedding);
    const auto masks = predictor_.clicks(points);
    ClickMasks found = {masks.logits.to(at::kCPU, at::kFloat),
                        masks.predicted_iou.to(at::kCPU, at::kFloat)};
    clicks_ += lap.seconds();
    return found;
  }
  void count_masks(double seconds) {
    const std::lock_guard lock(mutex_);
    masks_ += seconds;
  }
  PartSeconds seconds() const {
    const std::lock_guard lock(mutex_);
    return {{"encoder", encoder_}, {"clicks", clicks_}, {"masks", masks_}};
  }

 private:
  sam::Predictor predictor_;
  c10::Device device_;
  mutable std::mutex mutex_;
  double encoder_ = 0;
  double clicks_ = 0;
  double masks_ = 0;
};

/// SAM behind the mask generator, for one image. What is not spent here is spent on its masks.
class SamClicks : public ClickDecoder {
 public:
  explicit SamClicks(SharedSam& sam) : sam_(sam) {}
  ~SamClicks() override { sam_.count_masks(whole_.seconds() - here_); }

  void set_crop(const image::Picture& crop) override {
    const core::Lap lap;
    embedding_ = sam_.embed(crop);
    here_ += lap.seconds();
  }
  ClickMasks decode(std::span<const Point> points) override {
    const core::Lap lap;
    ClickMasks found = sam_.clicks(embedding_, points);
    here_ += lap.seconds();
    return found;
  }

 private:
  SharedSam& sam_;
  sam::Embedding embedding_;
  const core::Lap whole_;
  double here_ = 0;  // seconds, waiting for other threads included
};

/// On a GPU the masks of an image are made while the next ones are looked at; a processor is busy
/// with one.
constexpr int kImagesOnGpu = 3;

class SamMaker : public ProposalMaker {
 public:
  explicit SamMaker(const SamMakerOptions& options)
      : options_(options),
        digest_(data::digest_of(core::MappedFile(options.weights).bytes())),
        sam_(options.weights, options.device) {
    if (options.precision == SamPrecision::kFp32 || options.device.is_cuda()) return;
    throw core::ConfigError(core::cat("precision ", options.precision.word(), " on ",
                                      options.device.str(), ": wanted fp32, or a CUDA device"));
  }

  ordered_json settings() const override {
    return {{"source", "sam"},
            {"weights", options_.weights.filename().string()},
            {"digest", digest_},
            {"precision", options_.precision.word()},
            {"settings", settings_of(options_.generator)},
            {"filter", settings_of(options_.filter)}};
  }
  std::vector<data::ScoredProposal> propose(const image::Picture& picture) override {
    const core::AutocastScope arithmetic(
        {.device = options_.device.type(),
         .enabled = options_.precision != SamPrecision::kFp32,
         .type = options_.precision == SamPrecision::kFp16 ? at::kHalf : at::kBFloat16});
    SamClicks clicks(sam_);
    return choose_proposals(generate_masks(clicks, picture, options_.generator), options_.filter);
  }
  int images_at_once(int threads) const override {
    return options_.device.is_cuda() ? std::min(threads, kImagesOnGpu) : 1;
  }
  PartSeconds seconds() const override { return sam_.seconds(); }

 private:
  SamMakerOptions options_;
  std::string digest_;
  SharedSam sam_;
};

class FreesoloMaker : public ProposalMaker {
 public:
  FreesoloMaker(const std::filesystem::path& weights, const config::ProposalFilterOptions& filter,
                c10::Device device)
      : weights_(weights),
        filter_(filter),
        digest_(data::digest_of(core::MappedFile(weights).bytes())),
        network_(freesolo::NetworkOptions{}) {
    freesolo::load_weights(*network_, weights);
    network_->to(device);
  }

  ordered_json settings() const override {
    return {{"source", "freesolo"},
            {"weights", weights_.filename().string()},
            {"digest", digest_},
            {"filter", settings_of(filter_)}};
  }
  std::vector<data::ScoredProposal> propose(const image::Picture& picture) override {
    const std::lock_guard lock(mutex_);
    std::vector<data::ScoredProposal> found;
    for (auto& proposal : freesolo::propose(network_, picture)) {
      found.push_back({.mask = std::move(proposal.mask), .score = proposal.score});
    }
    std::vector<data::ScoredProposal> chosen;
    for (const std::size_t i : data::filter_proposals(found, filter_)) {
      chosen.push_back(std::move(found[i]));
    }
    return chosen;
  }
  int images_at_once(int /*threads*/) const override { return 1; }

 private:
  std::filesystem::path weights_;
  config::ProposalFilterOptions filter_;
  std::string digest_;
  freesolo::Freesolo network_;
  std::mutex mutex_;
};

}  // namespace

std::unique_ptr<ProposalMaker> make_freesolo_maker(const std::filesystem::path& weights,
                                                   const config::ProposalFilterOptions& filter,
                                                   c10::Device device) {
  return std::make_unique<FreesoloMaker>(weights, filter, device);
}

std::unique_ptr<ProposalMaker> make_grid_maker(const config::GridProposalOptions& options) {
  return std::make_unique<GridMaker>(options);
}

std::unique_ptr<ProposalMaker> make_sam_maker(const SamMakerOptions& options) {
  return std::make_unique<SamMaker>(options);
}

}  // namespace pcnet::proposals
