#include "pcnet/engine/predictor.h"

#include <utility>

#include "pcnet/image/resize.h"

namespace pcnet::engine {

std::string stage_cue(std::int64_t stage, std::int64_t read, const std::string& text,
                      const std::vector<std::string>& cues) {
  if (stage >= read) return {};
  return cues.empty() ? text : cues[static_cast<std::size_t>(stage) % cues.size()];
}

std::vector<Prediction> predict(Responder& responder, Segmentor& segmentor,
                                const std::filesystem::path& image,
                                const std::vector<std::string>& texts, std::int64_t image_size,
                                const std::vector<std::vector<std::string>>& cues) {
  auto picture =
      std::make_shared<const image::Picture>(image::read_picture(image, /*apply_exif=*/true));
  return predict(responder, segmentor, image, picture, texts, image_size, cues);
}

std::vector<Prediction> predict(Responder& responder, Segmentor& segmentor,
                                const std::filesystem::path& image,
                                const std::shared_ptr<const image::Picture>& picture,
                                const std::vector<std::string>& texts, std::int64_t image_size,
                                const std::vector<std::vector<std::string>>& cues) {
  const std::int64_t height = picture->height;
  const std::int64_t width = picture->width;
  Query query{image::resize_square(*picture, image_size), height, width, texts,
              std::vector<std::int64_t>(texts.size())};
  query.cues = cues;
  const at::Tensor answers = responder.respond({&query, 1}).front();  // [N, M, H, W]
  std::vector<Prediction> predictions;
  AnsweredImage answered{height, width, {}, {}, [&] { return *picture; }};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Prediction prediction{image, texts[i], picture, {}, {}, {}, {}};
    const auto own_cues = cues.empty() ? std::vector<std::string>{} : cues[i];
    prediction.maps = answers.select(/*dim=*/1, static_cast<std::int64_t>(i)).contiguous();
    const auto pixels = static_cast<std::size_t>(height * width);
    const float* values = prediction.maps.const_data_ptr<float>();
    for (std::int64_t stage = 0; stage < prediction.maps.size(0); ++stage) {
      const std::span<const float> map(values + static_cast<std::size_t>(stage) * pixels, pixels);
      prediction.stage_cues.push_back(stage_cue(stage, responder.cues_read(), texts[i], own_cues));
      prediction.peaks.push_back(metrics::find_peak(map, width));
      if (stage + 1 == prediction.maps.size(0)) {
        answered.maps.push_back({map, prediction.peaks.back()});
      }
    }
    predictions.push_back(std::move(prediction));
  }
  auto found = segmentor.segment(answered);
  for (std::size_t i = 0; i < found.size(); ++i) predictions[i].mask = std::move(found[i].mask);
  return predictions;
}

}  // namespace pcnet::engine
