#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pcnet/engine/responder.h"
#include "pcnet/engine/segmentor.h"
#include "pcnet/image/picture.h"
#include "pcnet/metrics/peak.h"

namespace pcnet::engine {

/// What the model answers to one text on one picture.
struct Prediction {
  std::filesystem::path image;
  std::string text;
  std::shared_ptr<const image::Picture> picture;  ///< the original
  at::Tensor maps;                      ///< [N, H, W] float32: the positive cosine of each stage
  std::vector<std::string> stage_cues;  ///< the cue that each stage read; empty: none
  std::vector<metrics::Peak> peaks;     ///< of each stage; the last one is the answer
  image::Mask mask;                     ///< what the segmentor makes of the last map
};

/// The cue that a stage reads of a text's (none: the text is its own), when the model reads `read`
/// of them; empty: the stage reads none.
std::string stage_cue(std::int64_t stage, std::int64_t read, const std::string& text,
                      const std::vector<std::string>& cues);

/// Answers every text on one picture; the picture is encoded once. EXIF orientation is applied.
/// @param segmentor one that needs neither proposals nor ground truth
/// @param cues of each text; empty: each text is its own
std::vector<Prediction> predict(Responder& responder, Segmentor& segmentor,
                                const std::filesystem::path& image,
                                const std::vector<std::string>& texts, std::int64_t image_size,
                                const std::vector<std::vector<std::string>>& cues = {});

/// The same on a picture that was read already, as it is; `image` names it.
std::vector<Prediction> predict(Responder& responder, Segmentor& segmentor,
                                const std::filesystem::path& image,
                                const std::shared_ptr<const image::Picture>& picture,
                                const std::vector<std::string>& texts, std::int64_t image_size,
                                const std::vector<std::vector<std::string>>& cues = {});

}  // namespace pcnet::engine
