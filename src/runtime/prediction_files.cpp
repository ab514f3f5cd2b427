#include "pcnet/runtime/prediction_files.h"

#include <algorithm>
#include <string_view>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/image/fit.h"
#include "pcnet/image/overlay.h"
#include "pcnet/report/answer_picture.h"
#include "pcnet/report/results.h"
#include "pcnet/weights/npy.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using nlohmann::ordered_json;

namespace {

constexpr std::int64_t kLongestPanel = 1024;  // px: a map has a few hundred cells

constexpr const char* kOverlay = "overlay.png";
constexpr const char* kMask = "mask.png";
constexpr const char* kResponse = "response.npy";
constexpr const char* kStages = "stages.png";

fs::path file_of(const fs::path& base, std::string_view ending) {
  return base.string() + "." + std::string(ending);
}

std::vector<const char*> endings_of(const PredictionFiles& files) {
  std::vector<const char*> endings;
  if (files.overlay) endings.push_back(kOverlay);
  if (files.mask) endings.push_back(kMask);
  if (files.response) endings.push_back(kResponse);
  if (files.stages) endings.push_back(kStages);
  return endings;
}

/// What a stage answers: the text, and the cue that it reads besides.
std::string stage_caption(std::size_t stage, const engine::Prediction& prediction) {
  const std::string& cue = prediction.stage_cues[stage];
  const std::string title = cue.empty() ? "" : cat(", cue \"", cue, "\"");
  return cat("stage ", stage, title, ": ", prediction.text);
}

/// Every so manieth value of a map, for a smaller picture.
std::vector<float> sampled(const float* map, const image::Picture& from, const image::Picture& to) {
  std::vector<float> values(static_cast<std::size_t>(to.height * to.width));
  for (std::int64_t y = 0; y < to.height; ++y) {
    const float* row = map + y * from.height / to.height * from.width;
    for (std::int64_t x = 0; x < to.width; ++x) {
      values[static_cast<std::size_t>(y * to.width + x)] = row[x * from.width / to.width];
    }
  }
  return values;
}

/// The heat of every stage, one beside the other.
image::Picture draw_stages(const engine::Prediction& prediction) {
  const image::Picture& picture = *prediction.picture;
  const bool large = std::max(picture.height, picture.width) > kLongestPanel;
  const image::Picture small = large ? image::fit(picture, kLongestPanel) : picture;
  const image::Mask none;
  std::vector<image::Picture> panels;
  const float* values = prediction.maps.const_data_ptr<float>();
  for (std::size_t n = 0; n < prediction.peaks.size(); ++n) {
    const float* map = values + n * static_cast<std::size_t>(picture.height * picture.width);
    metrics::Peak peak = prediction.peaks[n];
    peak.x = peak.x * small.width / picture.width;
    peak.y = peak.y * small.height / picture.height;
    panels.push_back(report::draw_heat(
        {small, sampled(map, picture, small), none, peak, nullptr, stage_caption(n, prediction)}));
  }
  return image::sheet(panels, static_cast<std::int64_t>(panels.size()));
}

/// How what is there differs from what is asked, as JSON says it; empty: not at all.
std::string difference(const Found& there, const Found& wanted) {
  const auto shown = [](const ordered_json& value) { return core::json_text(value); };
  const auto differ = [&](const char* what, const ordered_json& a, const ordered_json& b) {
    return shown(a) == shown(b) ? "" : cat(what, " ", shown(a), ", wanted ", shown(b));
  };
  std::vector<std::string> found = {
      differ("the text", there.text, wanted.text), differ("the cues", there.cues, wanted.cues),
      differ("an image with the digest", there.image_digest, wanted.image_digest)};
  for (const auto& [key, value] : wanted.made_with.items()) {
    const auto other = there.made_with.find(key);
    const bool known = other != there.made_with.end();
    found.push_back(differ(key.c_str(), known ? *other : ordered_json(nullptr), value));
  }
  std::erase(found, "");
  return found.empty() ? "" : found.front();
}

}  // namespace

Found read_found(const fs::path& base) {
  const fs::path file = file_of(base, "json");
  try {
    const auto document = core::parse_json<ordered_json>(core::read_file(file));
    Found found{.image = document.at("image").get<std::string>(),
                .fault = {},
                .text = document.at("text"),
                .cues = document.at("cues"),
                .peaks = {},
                .box = document.at("box"),
                .mask_area = document.at("mask_area"),
                .segmentor = document.at("segmentor"),
                .checkpoint = document.at("checkpoint").get<std::string>(),
                .size = document.at("size"),
                .image_digest = document.at("image_digest"),
                .made_with = document.at("made_with"),
                .files = document.at("files"),
                .seconds = document.at("seconds"),
                .base = base};
    for (const auto& stage : document.at("stages")) {
      const auto& peak = stage.at("peak");
      found.peaks.push_back({peak.at("x"), peak.at("y"), peak.at("score")});
    }
    if (found.peaks.empty()) throw core::Error("it has no stage");
    return found;
  } catch (const std::exception& fault) {
    throw core::Error(cat(file.string(), " is not what predict writes: ", fault.what()));
  }
}

bool is_finished(const Found& wanted, const PredictionFiles& files) {
  const fs::path file = file_of(wanted.base, "json");
  if (!fs::exists(file)) return false;
  constexpr const char* kAdvice = "; --replace makes it anew, or choose another --out";
  Found there;
  try {
    there = read_found(wanted.base);
  } catch (const core::Error& fault) {
    throw core::UsageError(cat(fault.what(), kAdvice));
  }
  const std::string other = difference(there, wanted);
  if (!other.empty()) {
    throw core::UsageError(cat(file.string(), " is there already, of ", other, kAdvice));
  }
  const auto endings = endings_of(files);
  return std::all_of(endings.begin(), endings.end(), [&](const char* ending) {
    std::error_code code;
    const auto bytes = there.files.find(ending);
    return bytes != there.files.end() &&
           fs::file_size(file_of(wanted.base, ending), code) == bytes->second;
  });
}

void write_prediction(const engine::Prediction& prediction, const PredictionFiles& files,
                      Found& found) {
  const fs::path& base = found.base;
  const at::Tensor last = prediction.maps[-1].contiguous();
  if (files.overlay) {
    const report::Answer answer{
        *prediction.picture,
        {last.const_data_ptr<float>(), static_cast<std::size_t>(last.numel())},
        prediction.mask,
        prediction.peaks.back(),
        nullptr,
        prediction.text};
    image::write_png(file_of(base, kOverlay), report::draw_answer(answer));
  }
  if (files.mask) image::write_png(file_of(base, kMask), prediction.mask);
  if (files.response) weights::write_npy(file_of(base, kResponse), last);
  if (files.stages) image::write_png(file_of(base, kStages), draw_stages(prediction));
  for (const auto* ending : endings_of(files)) {
    found.files[ending] = fs::file_size(file_of(base, ending));
  }
  core::write_file(file_of(base, "json"), core::json_text(to_json(found), {.indent = 2}) + "\n",
                   core::Sync::kLater);
}

ordered_json to_json(const Found& found) {
  if (!found.fault.empty()) return {{"image", found.image.string()}, {"error", found.fault}};
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
          {"size", found.size},
          {"image_digest", found.image_digest},
          {"made_with", found.made_with},
          {"files", found.files},
          {"seconds", found.seconds}};
}

std::string to_text(const Found& found) {
  if (!found.fault.empty()) return cat(found.image.string(), ": left out: ", found.fault);
  const std::string start = cat(found.image.string(), ": \"", found.text, "\" ");
  const metrics::Peak& peak = found.peak();
  if (peak.score <= 0) return start + "not found: the response is nowhere above 0";
  return cat(start, "at x ", peak.x, ", y ", peak.y, " (cosine ", core::fixed(peak.score, 3),
             "), mask of ", found.mask_area, " px");
}

}  // namespace pcnet::runtime
