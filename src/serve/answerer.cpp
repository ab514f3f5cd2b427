#include "pcnet/serve/answerer.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include <c10/util/hash.h>
#include <torch/torch.h>

#include "pcnet/core/base64.h"
#include "pcnet/core/device.h"
#include "pcnet/core/format.h"
#include "pcnet/core/parallel.h"
#include "pcnet/engine/predictor.h"
#include "pcnet/engine/segmentor.h"
#include "pcnet/image/picture_bytes.h"
#include "pcnet/image/resize.h"
#include "pcnet/image/rle.h"
#include "pcnet/metrics/peak.h"
#include "pcnet/report/results.h"
#include "pcnet/runtime/asked_text.h"

namespace pcnet::serve {

using core::cat;
using nlohmann::ordered_json;

namespace {

/// A turn at work that takes memory and a core.
class Turn {
 public:
  Turn(std::counting_semaphore<>& at_work, Deadline deadline) : at_work_(at_work) {
    if (at_work_.try_acquire_until(deadline)) return;
    throw HttpError(503, "too many ask at once: the time for an answer has passed; try again");
  }
  ~Turn() { at_work_.release(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::counting_semaphore<>& at_work_;
  core::LoopsOnThisThread alone_;  // the model's own thread has the team of threads
};

std::span<const float> values_of(const at::Tensor& map) {
  return {map.const_data_ptr<float>(), static_cast<std::size_t>(map.numel())};
}

/// Whether each answer points into what the other marks.
bool collide(const ordered_json& a, const image::Mask& mask_a, const ordered_json& b,
             const image::Mask& mask_b) {
  const auto points_into = [](const ordered_json& answer, const image::Mask& mask) {
    const auto& peak = answer["peak"];
    return peak["score"].get<double>() > 0 &&
           mask.at(peak["y"].get<std::int64_t>(), peak["x"].get<std::int64_t>()) != 0;
  };
  return points_into(a, mask_b) && points_into(b, mask_a);
}

void require_inside(const std::vector<Click>& clicks, std::int64_t height, std::int64_t width) {
  for (const auto& click : clicks) {
    if (click.x >= 0 && click.y >= 0 && click.x < static_cast<double>(width) &&
        click.y < static_cast<double>(height)) {
      continue;
    }
    throw HttpError(400, cat("a click at x ", click.x, ", y ", click.y, " lies outside of the ",
                             width, " x ", height, " pixels"));
  }
}

std::vector<std::string> warnings_of(const runtime::LoadedModel& loaded, const std::string& text) {
  try {
    return runtime::unread_of(loaded, text);
  } catch (const core::UsageError& error) {
    throw HttpError(422, error.what());
  }
}

}  // namespace

Answerer::Answerer(runtime::LoadedModel loaded, const Limits& limits, std::int64_t kept_bytes,
                   Figures& figures)
    : loaded_(std::move(loaded)),
      limits_(limits),
      responder_(runtime::responder_for(loaded_.model, *loaded_.tokenizer, loaded_.config,
                                        loaded_.device)),
      kept_(kept_bytes),
      at_work_(core::usable_threads(0)),
      asker_(responder_, std::min<std::int64_t>(loaded_.config.eval.batch_size, 16), figures) {
  if (!loaded_.config.eval.sam.weights.empty())
    sam_.emplace(loaded_.config.eval.sam, loaded_.device);
  // The first question takes longer than others and tells how many stages there are.
  const auto size = loaded_.config.data.image_size;
  const auto& words = loaded_.tokenizer->words();
  const std::string text = words.empty() ? "object" : words.front();
  const engine::Query query{torch::zeros({3, size, size}, torch::kUInt8), size, size, {text}, {0}};
  constexpr auto kLong = std::chrono::hours(1);
  stages_ = asker_.ask(query, {}, std::chrono::steady_clock::now() + kLong).cosines.size(0);
}

void Answerer::read_texts(Work& work) const {
  const Question& question = work.question;
  for (std::size_t i = 0; i < question.texts.size(); ++i) {
    auto& warnings = work.warnings.emplace_back(warnings_of(loaded_, question.texts[i]));
    const bool given = i < question.cues.size() && question.cues[i].has_value();
    work.query.cues.push_back(given ? *question.cues[i]
                                    : runtime::cues_for(loaded_, question.texts[i]));
    if (given && !question.cues[i]->empty() && responder_.cues_read() == 0) {
      warnings.emplace_back(
          "this model has no conditional referring module: the cues are not used");
      work.query.cues.back().clear();
    }
    if (!given) continue;
    for (const auto& cue : work.query.cues.back()) {
      const auto more = warnings_of(loaded_, cue);
      warnings.insert(warnings.end(), more.begin(), more.end());
    }
  }
  work.query.texts = question.texts;
}

image::Picture Answerer::decode(const std::string& file) const {
  const auto size = image::size_in_header(file);
  if (!size) throw HttpError(400, "image is damaged, or no JPEG, PNG, WebP, BMP or TIFF");
  if (size->height * size->width > limits_.pixels) {
    throw HttpError(413, cat("image has ", size->width, " x ", size->height,
                             " pixels, wanted at most ", limits_.pixels, " in all"));
  }
  try {
    return image::decode_picture(file, /*apply_exif=*/true);
  } catch (const core::Error& error) {
    throw HttpError(400, cat("image: ", error.what()));
  }
}

void Answerer::find_image(Work& work) {
  const Question& question = work.question;
  const bool sent = !question.image.empty();
  work.image_id = sent ? c10::sha1(question.image).str() : question.image_id;
  work.image = kept_.find(work.image_id);
  const bool suffices = work.image && (!work.asks_sam || work.image->embedding);
  if (!suffices && !sent) {
    throw HttpError(404, cat("image_id: ",
                             work.image ? "Segment Anything has not seen this image"
                                        : "no image of this name is kept here",
                             "; send the image again"));
  }
  if (!suffices) {
    work.picture = decode(question.image);
    work.query.picture = image::resize_square(*work.picture, loaded_.config.data.image_size);
  }
  work.query.height = work.picture ? work.picture->height : work.image->height;
  work.query.width = work.picture ? work.picture->width : work.image->width;
  for (const auto& clicks : question.clicks)
    require_inside(clicks, work.query.height, work.query.width);
}

Answerer::Work Answerer::begin(const Question& question, Deadline deadline) {
  Work work{question, deadline, false, {}, {}, {}, {}, {}};
  const std::string& segmentor = question.segmentor;
  if (!segmentor.empty() && segmentor != "none" && segmentor != "sam") {
    throw HttpError(400, cat("segmentor is \"", segmentor, "\", wanted none or sam"));
  }
  work.asks_sam = segmentor.empty() ? sam_.has_value() : segmentor == "sam";
  if (work.asks_sam && !sam_) {
    throw HttpError(400, "segmentor: this server has no Segment Anything, wanted none");
  }
  const bool clicked = std::any_of(question.clicks.begin(), question.clicks.end(),
                                   [](const auto& clicks) { return !clicks.empty(); });
  if (clicked && !work.asks_sam) throw HttpError(400, "clicks need the segmentor sam");
  read_texts(work);
  return work;
}

void Answerer::ask_model(Work& work) {
  auto answer =
      asker_.ask(work.query, work.image ? work.image->visual : at::Tensor(), work.deadline);
  work.cosines = std::move(answer.cosines);
  if (!work.picture) return;
  auto image = std::make_shared<KeptImage>();
  image->height = work.query.height;
  image->width = work.query.width;
  image->visual = std::move(answer.visual);
  if (work.asks_sam) image->embedding = sam_->embed(*work.picture, work.deadline);
  work.image = image;
  kept_.keep(work.image_id, std::move(image));
  work.picture.reset();
}

at::Tensor Answerer::map_of(const Work& work, std::size_t text, std::int64_t stage,
                            std::int64_t height, std::int64_t width) const {
  const auto at = static_cast<std::int64_t>(text);
  const at::Tensor own =
      work.cosines.slice(/*dim=*/0, stage, stage + 1).slice(/*dim=*/1, at, at + 1);
  return responder_.maps(own, loaded_.config.data.image_size, height, width).view({height, width});
}

std::string Answerer::map_png(const Work& work, std::size_t text, std::int64_t stage) const {
  const double longest = static_cast<double>(std::max(work.query.height, work.query.width));
  const double scale = std::min(1.0, static_cast<double>(work.question.map_size) / longest);
  const auto side = [&](std::int64_t full) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(full) * scale));
  };
  const std::int64_t height = side(work.query.height);
  const std::int64_t width = side(work.query.width);
  const at::Tensor map = map_of(work, text, stage, height, width);
  const float highest = *std::max_element(values_of(map).begin(), values_of(map).end());
  std::string pixels;
  for (const float value : values_of(map)) {
    pixels.push_back(static_cast<char>(highest > 0 ? std::lround(255 * value / highest) : 0));
  }
  return image::encode_grey_png(pixels, height, width);
}

ordered_json Answerer::answer_text(Work& work, std::size_t text) {
  const Turn turn(at_work_, work.deadline);
  const auto& [height, width] = std::pair(work.query.height, work.query.width);
  const auto& cues = work.query.cues[text];
  ordered_json stages = ordered_json::array();
  metrics::Peak peak;
  image::Mask mask;
  for (std::int64_t n = 0; n < work.cosines.size(0); ++n) {
    const at::Tensor map = map_of(work, text, n, height, width);
    peak = metrics::find_peak(values_of(map), width);
    const std::string cue =
        engine::stage_cue(n, responder_.cues_read(), work.query.texts[text], cues);
    ordered_json stage = {{"peak", report::to_json(peak)}, {"cue", nullptr}};
    if (!cue.empty()) stage["cue"] = cue;
    if (work.question.maps) stage["map"] = core::to_base64(map_png(work, text, n));
    stages.push_back(std::move(stage));
    if (n + 1 < work.cosines.size(0) || work.asks_sam) continue;
    mask = engine::threshold_mask(values_of(map), height, width, static_cast<float>(peak.score),
                                  loaded_.config.eval.threshold);
  }
  if (work.asks_sam) {
    const bool clicked = text < work.question.clicks.size() && !work.question.clicks[text].empty();
    const std::vector<Click> at_peak = {{static_cast<double>(peak.x), static_cast<double>(peak.y)}};
    mask = sam_->mask(*work.image->embedding, clicked ? work.question.clicks[text] : at_peak,
                      work.deadline);
  }
  const image::Rle rle = image::encode(mask);
  work.masks.push_back(std::move(mask));
  return {
      {"text", work.query.texts[text]},
      {"cues", cues},
      {"peak", report::to_json(peak)},
      {"stages", std::move(stages)},
      {"box", image::bounding_box(rle)},
      {"mask_area", image::area(rle)},
      {"segmentor", work.asks_sam ? "sam" : "none"},
      {"segmentation", {{"size", {rle.height, rle.width}}, {"counts", image::to_coco_string(rle)}}},
      {"warnings", work.warnings[text]}};
}

ordered_json Answerer::answer(const Question& question, Deadline deadline) {
  const auto start = std::chrono::steady_clock::now();
  Work work = begin(question, deadline);
  {
    const Turn turn(at_work_, deadline);
    find_image(work);
  }
  const bool encoded = !work.image;
  ask_model(work);
  ordered_json answers = ordered_json::array();
  for (std::size_t i = 0; i < question.texts.size(); ++i) answers.push_back(answer_text(work, i));
  ordered_json collisions = ordered_json::array();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    for (std::size_t k = i + 1; k < answers.size(); ++k) {
      if (collide(answers[i], work.masks[i], answers[k], work.masks[k]))
        collisions.push_back({i, k});
    }
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return {{"image_id", work.image_id},          {"width", work.query.width},
          {"height", work.query.height},        {"encoded", encoded},
          {"seconds", spent.count()},           {"answers", std::move(answers)},
          {"collisions", std::move(collisions)}};
}

}  // namespace pcnet::serve
