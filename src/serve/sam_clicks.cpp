#include "pcnet/serve/sam_clicks.h"

#include <torch/torch.h>

#include "pcnet/core/team.h"
#include "pcnet/serve/call.h"

#include "engine/sam_segmentor.h"

namespace pcnet::serve {

namespace {

/// Ends what a request's thread computed with.
struct TeamOfThisCall {
  TeamOfThisCall() = default;
  ~TeamOfThisCall() { core::end_team(); }
  TeamOfThisCall(const TeamOfThisCall&) = delete;
  TeamOfThisCall& operator=(const TeamOfThisCall&) = delete;
};

}  // namespace

SamClicks::SamClicks(const config::SamSegmentorOptions& options, c10::Device device)
    : options_(options), predictor_(sam::load_sam(options.weights, device)) {}

std::unique_lock<std::timed_mutex> SamClicks::turn(Deadline deadline) {
  std::unique_lock lock(mutex_, deadline);
  if (!lock) throw HttpError(503, "Segment Anything is busy: the time for an answer has passed");
  return lock;
}

sam::Embedding SamClicks::embed(const image::Picture& picture, Deadline deadline) {
  const auto lock = turn(deadline);
  const TeamOfThisCall team;
  return predictor_.embed(picture);
}

image::Mask SamClicks::mask(const sam::Embedding& embedding, std::span<const Click> clicks,
                            Deadline deadline) {
  const auto lock = turn(deadline);
  const TeamOfThisCall team;
  predictor_.set_image(embedding);
  sam::Prompt prompt;
  for (const auto& click : clicks) {
    prompt.points.push_back({click.x, click.y});
    prompt.labels.push_back(click.on_object ? 1 : 0);
  }
  const bool single = clicks.size() > 1 || options_.mask == config::SamMask::kSingle;
  const auto decoded =
      predictor_.predict(prompt, single ? sam::Outputs::kSingle : sam::Outputs::kMultiple);
  return engine::choose_mask(
      {decoded.logits.to(at::kCPU, at::kFloat), decoded.predicted_iou.to(at::kCPU, at::kFloat)},
      embedding.frame, single ? config::SamMask::kSingle : config::SamMask(options_.mask),
      options_.weights);
}

}  // namespace pcnet::serve
