#include "pcnet/runtime/prediction.h"

#include <chrono>
#include <set>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/predictor.h"
#include "pcnet/image/overlay.h"
#include "pcnet/image/rle.h"
#include "pcnet/report/answer_picture.h"
#include "pcnet/report/results.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/weights/npy.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using nlohmann::ordered_json;

namespace {

void check_request(const PredictionRequest& request, const LoadedModel& loaded) {
  if (request.images.empty()) throw core::UsageError("no image: give --image");
  if (request.texts.empty()) throw core::UsageError("no text: give --text");
  const auto segmentor = loaded.config.eval.segmentor;
  if (needs_ground_truth(segmentor) || needs_proposals(segmentor)) {
    throw core::UsageError(cat("--segmentor ", segmentor.word(), " needs a dataset's ",
                               needs_ground_truth(segmentor) ? "ground truth" : "proposals",
                               ", which predict does not have: wanted none or sam"));
  }
  for (const auto& text : request.texts) {
    const auto tokens = loaded.tokenizer->encode(text, loaded.config.data.text_length);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
      throw core::UsageError("the text is empty: say what to find");
    }
    if (tokens.words == 0) {
      const auto& known = loaded.tokenizer->words();
      throw core::UsageError(cat("the text \"", text, "\" holds no word that the model knows (its ",
                                 known.size(), " words: ", core::join(known, " "), ")"));
    }
    if (!tokens.unknown_words.empty()) {
      core::log::warning(cat("\"", text, "\": the model does not know and leaves out: ",
                             core::join(tokens.unknown_words, ", ")));
    }
    if (tokens.cut > 0) {
      core::log::warning(cat("\"", text, "\" is longer than ", loaded.config.data.text_length,
                             " tokens: its last ", tokens.cut, " were cut"));
    }
  }
}

/// One stem a (picture, text); two pictures of one name would overwrite each other.
std::vector<std::string> stems(const PredictionRequest& request) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const auto& image : request.images) {
    if (!seen.insert(image.stem().string()).second) {
      throw core::UsageError(cat("two images are called ", image.stem().string(),
                                 ": their results would overwrite each other; use two --out"));
    }
    for (std::size_t k = 0; k < request.texts.size(); ++k) {
      names.push_back(request.texts.size() == 1 ? image.stem().string()
                                                : cat(image.stem().string(), "_", k));
    }
  }
  return names;
}

/// The cues of each text: those that were given, else cues_for's.
std::vector<std::vector<std::string>> cues_of(const PredictionRequest& request,
                                              const LoadedModel& loaded) {
  if (loaded.model->cues_read() == 0 && !request.cues.empty()) {
    core::log::warning("this model has no conditional referring module: the cues are not used");
  } else if (!request.cues.empty()) {
    return std::vector<std::vector<std::string>>(request.texts.size(), request.cues);
  }
  std::vector<std::vector<std::string>> all;
  for (const auto& text : request.texts) all.push_back(cues_for(loaded, text));
  return all;
}

Found found_in(const engine::Prediction& prediction, const std::vector<std::string>& cues,
               const LoadedModel& loaded, double seconds) {
  const image::Rle rle = image::encode(prediction.mask);
  return {.image = prediction.image,
          .text = prediction.text,
          .cues = cues,
          .peaks = prediction.peaks,
          .box = image::bounding_box(rle),
          .mask_area = image::area(rle),
          .segmentor = std::string(loaded.config.eval.segmentor.word()),
          .checkpoint = loaded.checkpoint,
          .seconds = seconds};
}

/// What a stage answers: the text, and the cue that it reads besides.
std::string stage_caption(std::size_t stage, const engine::Prediction& prediction) {
  const std::string& cue = prediction.stage_cues[stage];
  const std::string title = cue.empty() ? "" : cat(", cue \"", cue, "\"");
  return cat("stage ", stage, title, ": ", prediction.text);
}

/// The heat of every stage, one beside the other.
image::Picture draw_stages(const engine::Prediction& prediction) {
  std::vector<image::Picture> panels;
  const auto pixels =
      static_cast<std::size_t>(prediction.picture.height * prediction.picture.width);
  const float* values = prediction.maps.const_data_ptr<float>();
  for (std::size_t n = 0; n < prediction.peaks.size(); ++n) {
    panels.push_back(report::draw_heat({prediction.picture,
                                        {values + n * pixels, pixels},
                                        prediction.mask,
                                        prediction.peaks[n],
                                        nullptr,
                                        stage_caption(n, prediction)}));
  }
  return image::sheet(panels, static_cast<std::int64_t>(panels.size()));
}

void write_prediction(const fs::path& base, const engine::Prediction& prediction,
                      const Found& found) {
  const at::Tensor last = prediction.maps[-1].contiguous();
  const report::Answer answer{
      prediction.picture,
      {last.const_data_ptr<float>(), static_cast<std::size_t>(last.numel())},
      prediction.mask,
      prediction.peaks.back(),
      nullptr,
      prediction.text};
  image::write_png(base.string() + ".overlay.png", report::draw_answer(answer));
  image::write_png(base.string() + ".mask.png", prediction.mask);
  weights::write_npy(base.string() + ".response.npy", last);
  image::write_png(base.string() + ".stages.png", draw_stages(prediction));
  core::write_file(base.string() + ".json", core::json_text(to_json(found), {.indent = 2}) + "\n",
                   core::Sync::kLater);
}

}  // namespace

std::vector<Found> predict(const PredictionRequest& request) {
  LoadedModel loaded = load_model(request.model, request.overrides);
  check_request(request, loaded);
  const std::vector<std::string> names = stems(request);
  const auto cues = cues_of(request, loaded);
  // Every picture is read once beforehand, so that a damaged one stops before anything is written.
  for (const auto& path : request.images) (void)image::read_picture(path, /*apply_exif=*/true);
  const auto segmentor = engine::make_segmentor(loaded.config.eval, loaded.device);
  auto responder = responder_for(loaded.model, *loaded.tokenizer, loaded.config, loaded.device);
  core::ensure_writable_folder(request.out);
  core::Progress progress("predicting", static_cast<std::int64_t>(request.images.size()), "images");
  std::vector<Found> all;
  for (std::size_t i = 0; i < request.images.size(); ++i) {
    core::throw_if_stopped("prediction stopped; the files of finished images are whole");
    const auto start = std::chrono::steady_clock::now();
    const auto predictions = engine::predict(responder, *segmentor, request.images[i],
                                             request.texts, loaded.config.data.image_size, cues);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    for (std::size_t k = 0; k < predictions.size(); ++k) {
      const engine::Prediction& prediction = predictions[k];
      all.push_back(found_in(prediction, cues[k], loaded,
                             spent.count() / static_cast<double>(predictions.size())));
      write_prediction(request.out / names[all.size() - 1], prediction, all.back());
    }
    progress.update(static_cast<std::int64_t>(i) + 1);
  }
  core::sync_disk(request.out);
  progress.finish();
  return all;
}

ordered_json to_json(const Found& found) {
  ordered_json stages = ordered_json::array();
  for (const auto& peak : found.peaks) stages.push_back({{"peak", report::to_json(peak)}});
  return {{"image", found.image.string()},
          {"text", found.text},
          {"cues", found.cues},
          {"peak", report::to_json(found.peak())},
          {"stages", stages},
          {"box", found.box},
          {"mask_area", found.mask_area},
          {"segmentor", found.segmentor},
          {"checkpoint", found.checkpoint.string()},
          {"seconds", found.seconds}};
}

std::string to_text(const Found& found) {
  const std::string start = cat(found.image.string(), ": \"", found.text, "\" ");
  const metrics::Peak& peak = found.peak();
  if (peak.score <= 0) return start + "not found: the response is nowhere above 0";
  return cat(start, "at x ", peak.x, ", y ", peak.y, " (cosine ", core::fixed(peak.score, 3),
             "), mask of ", found.mask_area, " px");
}

}  // namespace pcnet::runtime
