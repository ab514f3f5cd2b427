#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/core/turns.h"
#include "pcnet/engine/responder.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/rle.h"
#include "pcnet/metrics/peak.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/serve/asker.h"
#include "pcnet/serve/figures.h"
#include "pcnet/serve/kept_images.h"
#include "pcnet/serve/limits.h"
#include "pcnet/serve/question.h"
#include "pcnet/serve/sam_clicks.h"

namespace pcnet::serve {

/// Answers questions with a model, for several threads. An image is encoded once, as long as what
/// was made of it is kept.
class Answerer {
 public:
  /// Loads Segment Anything where eval.sam.weights names it.
  /// @param kept_bytes of what the model made of images and texts
  Answerer(runtime::LoadedModel loaded, const Limits& limits, std::int64_t kept_bytes,
           Figures& figures);

  /// The document of POST /v1/predict (docs/serve.md#predict). HttpError for what cannot be
  /// answered.
  nlohmann::ordered_json answer(const Question& question, Deadline deadline);

  const runtime::LoadedModel& loaded() const { return loaded_; }
  bool has_sam() const { return sam_.has_value(); }
  std::int64_t stages() const { return stages_; }
  const KeptImages& kept() const { return kept_; }

 private:
  /// Where a text's last stage points, and what is marked.
  struct FoundText {
    metrics::Peak peak;
    image::Rle mask;
  };
  /// A question with what was found out of it.
  struct Work {
    const Question& question;
    Deadline deadline;
    bool asks_sam = false;
    std::string image_id;
    std::shared_ptr<const KeptImage> image;          // null: not encoded yet
    std::optional<image::Picture> picture;           // where it was decoded now
    engine::Query query;                             // texts and cues
    std::vector<std::vector<std::string>> warnings;  // of each text
    at::Tensor cosines = {};                         // [N, M, h, w]
    std::vector<FoundText> found = {};               // of each text
  };

  Work begin(const Question& question, Deadline deadline);
  void read_texts(Work& work) const;
  /// Whether all that the question needs of the image is kept.
  bool look_up(Work& work);
  std::unique_ptr<ImagesUnderWay::Hold> find_image(Work& work);
  image::Picture decode(const std::string& file) const;
  void ask_model(Work& work);
  nlohmann::ordered_json answer_stages(Work& work, std::size_t text);
  nlohmann::ordered_json answer_text(Work& work, std::size_t text);
  /// [H, W] of a stage.
  at::Tensor map_of(const Work& work, std::size_t text, std::int64_t stage, std::int64_t height,
                    std::int64_t width) const;
  std::string map_png(const Work& work, std::size_t text, std::int64_t stage) const;

  runtime::LoadedModel loaded_;
  Limits limits_;
  engine::ModelResponder responder_;
  std::int64_t stages_ = 0;
  KeptImages kept_;
  ImagesUnderWay under_way_;
  core::Turns at_work_;  // who may decode images or draw maps
  std::optional<SamClicks> sam_;
  Asker asker_;
};

}  // namespace pcnet::serve
