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
#include "pcnet/core/team.h"
#include "pcnet/core/turns.h"
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

/// What of the cache is for texts: 16 MiB are some 3,500 of width 1,024.
std::int64_t text_bytes(std::int64_t kept_bytes) {
  constexpr std::int64_t kMost = 16 << 20;
  return std::min(kept_bytes / 8, kMost);
}

constexpr int kMostAtWork = 8;  // a large image takes up to 2 GB while it is decoded

/// A turn at work that takes memory and a core.
class Turn {
 public:
  Turn(core::Turns& turns, Deadline deadline) : turns_(turns) {
    if (!turns_.take(deadline)) throw late();
  }
  ~Turn() { turns_.give(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  core::Turns& turns_;
  core::LoopsOnThisThread alone_;  // the model's own thread has the team of threads
};

std::span<const float> values_of(const at::Tensor& map) {
  return {map.const_data_ptr<float>(), static_cast<std::size_t>(map.numel())};
}

/// Whether the mask, whose runs go down the columns, covers a pixel.
bool covers(const image::Rle& mask, const metrics::Peak& peak) {
  const std::int64_t wanted = peak.x * mask.height + peak.y;
  std::int64_t end = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    end += mask.counts[i];
    if (wanted < end) return i % 2 == 1;
  }
  return false;
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
      kept_(kept_bytes - text_bytes(kept_bytes)),
      at_work_(std::min(core::usable_threads(static_cast<int>(loaded_.config.run.threads)),
                        kMostAtWork)),
      asker_(responder_, std::min<std::int64_t>(loaded_.config.eval.batch_size, 16), figures) {
  if (!loaded_.config.eval.sam.weights.empty())
    sam_.emplace(loaded_.config.eval.sam, loaded_.device);
  responder_.keep_texts(text_bytes(kept_bytes));
  // The first question takes longer than others and tells how many stages there are.
  const auto size = loaded_.config.data.image_size;
  const auto& words = loaded_.tokenizer->words();
  const std::string text = words.empty() ? "object" : words.front();
  const engine::Query query{torch::zeros({3, size, size}, torch::kUInt8), size, size, {text}, {0}};
  constexpr auto kLong = std::chrono::hours(1);
  stages_ = asker_.ask(query, {}, std::chrono::steady_clock::now() + kLong).cosines.size(0);
  core::end_team();  // which loaded the model; from here on the asker's thread computes
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
    return image::decode_picture(file, /*apply_exif=*/true, limits_.pixels);
  } catch (const core::Error& error) {
    throw HttpError(400, cat("image: ", error.what()));
  }
}

bool Answerer::look_up(Work& work) {
  work.image = kept_.find(work.image_id);
  return work.image && (!work.asks_sam || work.image->embedding);
}

/// -> held while this question makes the image, for which others wait
std::unique_ptr<ImagesUnderWay::Hold> Answerer::find_image(Work& work) {
  const Question& question = work.question;
  const bool sent = !question.image.empty();
  work.image_id = sent ? c10::sha1(question.image).str() : question.image_id;
  std::unique_ptr<ImagesUnderWay::Hold> making;
  bool is_here = look_up(work);
  if (!is_here) {
    if (!sent) {
      throw HttpError(404, cat("image_id: ",
                               work.image ? "Segment Anything has not seen this image"
                                          : "no image of this name is kept here",
                               "; send the image again"));
    }
    // Who does not ask Segment Anything need not wait for it.
    const std::string name = work.image_id + (work.asks_sam ? " and its embedding" : "");
    making = std::make_unique<ImagesUnderWay::Hold>(under_way_, name, work.deadline);
    if (!making->is_held()) throw late();
    // Another has made it meanwhile; or could not, or it is too large to keep: side by side then.
    is_here = look_up(work);
    if (is_here || making->waited()) making.reset();
  }
  if (!is_here) {
    const Turn turn(at_work_, work.deadline);
    work.picture = decode(question.image);
    work.query.picture = image::resize_square(*work.picture, loaded_.config.data.image_size);
  }
  work.query.height = work.picture ? work.picture->height : work.image->height;
  work.query.width = work.picture ? work.picture->width : work.image->width;
  if (!work.asks_sam) work.picture.reset();  // a request may wait long with it
  for (const auto& clicks : question.clicks)
    require_inside(clicks, work.query.height, work.query.width);
  return making;
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
      asker_.ask(work.query, work.image ? work.image->seen : model::Seen(), work.deadline);
  work.cosines = std::move(answer.cosines);
  if (!work.query.picture.defined()) return;
  auto image = std::make_shared<KeptImage>();
  image->height = work.query.height;
  image->width = work.query.width;
  image->seen = std::move(answer.seen);
  if (work.asks_sam) {
    // Another request may have shown it the same image meanwhile.
    const auto kept = kept_.find(work.image_id);
    image->embedding =
        kept && kept->embedding ? kept->embedding : sam_->embed(*work.picture, work.deadline);
  }
  work.image = image;
  kept_.keep(work.image_id, std::move(image));
  work.picture.reset();
  work.query.picture.reset();
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

/// The stages' part of an answer, and where the last points.
ordered_json Answerer::answer_stages(Work& work, std::size_t text) {
  const Turn turn(at_work_, work.deadline);
  const std::int64_t height = work.query.height;
  const std::int64_t width = work.query.width;
  ordered_json stages = ordered_json::array();
  auto& found = work.found.emplace_back();
  for (std::int64_t n = 0; n < work.cosines.size(0); ++n) {
    const at::Tensor map = map_of(work, text, n, height, width);
    found.peak = metrics::find_peak(values_of(map), width);
    const std::string cue =
        engine::stage_cue(n, responder_.cues_read(), work.query.texts[text], work.query.cues[text]);
    ordered_json stage = {{"peak", report::to_json(found.peak)}, {"cue", nullptr}};
    if (!cue.empty()) stage["cue"] = cue;
    if (work.question.maps) stage["map"] = core::to_base64(map_png(work, text, n));
    stages.push_back(std::move(stage));
    if (n + 1 < work.cosines.size(0) || work.asks_sam) continue;
    found.mask = image::encode(engine::threshold_mask(values_of(map), height, width,
                                                      static_cast<float>(found.peak.score),
                                                      loaded_.config.eval.threshold));
  }
  return stages;
}

ordered_json Answerer::answer_text(Work& work, std::size_t text) {
  ordered_json stages = answer_stages(work, text);
  FoundText& found = work.found.back();
  if (work.asks_sam) {
    const bool clicked = text < work.question.clicks.size() && !work.question.clicks[text].empty();
    const std::vector<Click> at_peak = {
        {static_cast<double>(found.peak.x), static_cast<double>(found.peak.y)}};
    found.mask = image::encode(sam_->mask(
        *work.image->embedding, clicked ? work.question.clicks[text] : at_peak, work.deadline));
  }
  return {{"text", work.query.texts[text]},
          {"cues", work.query.cues[text]},
          {"peak", report::to_json(found.peak)},
          {"stages", std::move(stages)},
          {"box", image::bounding_box(found.mask)},
          {"mask_area", image::area(found.mask)},
          {"segmentor", work.asks_sam ? "sam" : "none"},
          {"segmentation",
           {{"size", {found.mask.height, found.mask.width}},
            {"counts", image::to_coco_string(found.mask)}}},
          {"warnings", work.warnings[text]}};
}

ordered_json Answerer::answer(const Question& question, Deadline deadline) {
  const auto start = std::chrono::steady_clock::now();
  Work work = begin(question, deadline);
  auto making = find_image(work);
  const bool encoded = !work.image;
  ask_model(work);
  making.reset();
  ordered_json answers = ordered_json::array();
  for (std::size_t i = 0; i < question.texts.size(); ++i) answers.push_back(answer_text(work, i));
  const auto points_into = [&](std::size_t a, std::size_t b) {
    return work.found[a].peak.score > 0 && covers(work.found[b].mask, work.found[a].peak);
  };
  ordered_json collisions = ordered_json::array();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    for (std::size_t k = i + 1; k < answers.size(); ++k) {
      const bool each = points_into(i, k) && points_into(k, i);
      if (each) collisions.push_back({i, k});
    }
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return {{"image_id", work.image_id},          {"width", work.query.width},
          {"height", work.query.height},        {"encoded", encoded},
          {"seconds", spent.count()},           {"answers", std::move(answers)},
          {"collisions", std::move(collisions)}};
}

}  // namespace pcnet::serve
