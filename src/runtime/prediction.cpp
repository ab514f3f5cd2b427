#include "pcnet/runtime/prediction.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include <ATen/Parallel.h>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"
#include "pcnet/core/mapped_file.h"
#include "pcnet/core/memory.h"
#include "pcnet/core/parallel.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/core/turns.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/engine/predictor.h"
#include "pcnet/image/picture_bytes.h"
#include "pcnet/image/rle.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/runtime/prediction_files.h"
#include "pcnet/runtime/prediction_inputs.h"

#include "prediction_texts.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using nlohmann::ordered_json;

namespace {

constexpr const char* kStopped = "the images that are done are kept; the same call goes on";

void check_segmentor(config::Choice<config::Segmentor> segmentor) {
  if (!needs_ground_truth(segmentor) && !needs_proposals(segmentor)) return;
  throw core::UsageError(cat("--segmentor ", segmentor.word(), " needs a dataset's ",
                             needs_ground_truth(segmentor) ? "ground truth" : "proposals",
                             ", which predict does not have: wanted none or sam"));
}

/// What decides an answer beside image, text and cues.
ordered_json made_with(const LoadedModel& loaded, const engine::Segmentor& segmentor) {
  const config::Config& config = loaded.config;
  ordered_json document = {
      {"checkpoint", data::digest_of(core::MappedFile(loaded.checkpoint).bytes())},
      {"image_size", config.data.image_size},
      {"text_length", config.data.text_length},
      {"truncate", config.data.truncate.word()},
      {"map_resize", config.eval.map_resize.word()},
      {"align_corners", config.eval.align_corners},
      {"threshold", config.eval.threshold},
      {"precision", config.eval.precision.word()}};
  document.update(segmentor.protocol());
  // The digest beside it says which weights these are, wherever they lie now.
  if (document.contains("sam")) document["sam"].erase("file");
  return document;
}

/// An image with what is left to do about it.
struct Job {
  const PredictionInput* input = nullptr;
  const TextCues* cues = nullptr;
  std::int64_t pixels = 0;
  std::string fault;           // it cannot be read
  std::vector<bool> finished;  // of each text

  bool is_finished() const {
    return std::find(finished.begin(), finished.end(), false) == finished.end();
  }
};

/// Hands results on in the order of the images, whichever is done first.
class InOrder {
 public:
  InOrder(const std::function<void(const Found&)>& tell, core::Progress& progress,
          std::int64_t already)
      : tell_(tell), progress_(progress), done_(already) {}

  void add(std::int64_t place, std::vector<Found> found, bool is_new) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(place, std::move(found));
    for (; !waiting_.empty() && waiting_.begin()->first == next_; ++next_) {
      for (const auto& one : waiting_.begin()->second) tell_(one);
      waiting_.erase(waiting_.begin());
    }
    progress_.update(done_ += is_new ? 1 : 0);
  }

 private:
  const std::function<void(const Found&)>& tell_;
  core::Progress& progress_;
  std::mutex mutex_;
  std::map<std::int64_t, std::vector<Found>> waiting_;
  std::int64_t next_ = 0;
  std::int64_t done_;
};

/// The maps of so many pixels, over all texts of an image, are in memory at once.
constexpr std::int64_t kPixelsTogether = 16 << 20;

class Predicting {
 public:
  explicit Predicting(const PredictionRequest& request)
      : request_(request),
        inputs_(prediction_inputs(request)),
        loaded_(load_model(request.model, request.overrides)),
        texts_(loaded_, inputs_),
        segmentor_((check_segmentor(loaded_.config.eval.segmentor),
                    engine::make_segmentor(loaded_.config.eval, loaded_.device))),
        responder_(
            responder_for(loaded_.model, *loaded_.tokenizer, loaded_.config, loaded_.device)),
        made_with_(made_with(loaded_, *segmentor_)) {
    for (const auto& input : inputs_) jobs_.push_back(job_of(input));
    make_folders();
  }

  void run(const std::function<void(const Found&)>& tell) {
    const auto already =
        std::count_if(jobs_.begin(), jobs_.end(), [](const Job& job) { return job.is_finished(); });
    if (already > 0) {
      core::log::info(cat(already, " of ", jobs_.size(), " images are done already"));
    }
    askers_ = askers();
    free_askers_.give(askers_ - 1);
    core::Progress progress("predicting", static_cast<std::int64_t>(jobs_.size()), "images",
                            already);
    InOrder results(tell, progress, already);
    for (std::size_t begin = 0; begin < jobs_.size();) {
      const std::size_t end = prepare_window(begin);
      core::parallel_for(static_cast<std::int64_t>(end - begin), workers(), [&](std::int64_t i) {
        core::throw_if_stopped(kStopped);
        const auto place = begin + static_cast<std::size_t>(i);
        const Job& job = jobs_[place];
        results.add(static_cast<std::int64_t>(place), answer(job), !job.is_finished());
      });
      begin = end;
    }
    core::sync_disk(request_.out);
    progress.finish();
  }

 private:
  Found wanted(const PredictionInput& input, const TextCues& cues, std::size_t k,
               const std::string& digest) const {
    Found found;
    found.image = input.image;
    found.text = input.questions->texts[k];
    found.cues = cues[k];
    found.segmentor = loaded_.config.eval.segmentor.word();
    found.checkpoint = loaded_.checkpoint;
    found.image_digest = digest;
    found.made_with = made_with_;
    found.base = request_.out / input.name(k);
    return found;
  }

  /// Looks at the image's header and at what is there of its results.
  Job job_of(const PredictionInput& input) const {
    core::throw_if_stopped("nothing was written");
    Job job{&input, &texts_.cues_of(input), 0, {}, {}};
    const std::size_t count = input.questions->texts.size();
    job.finished.resize(count, false);
    try {
      if (input.bytes) {
        (void)decoded(*input.bytes, input.image);
      } else {
        const auto size = image::picture_size(input.image, /*apply_exif=*/true);
        job.pixels = size.height * size.width;
      }
    } catch (const core::Error& error) {
      job.fault = fault_of(error);
      return job;
    }
    std::string digest;
    for (std::size_t k = 0; k < count && !request_.replace; ++k) {
      if (!fs::exists(request_.out / (input.name(k) + ".json"))) continue;
      if (digest.empty()) {
        digest = input.bytes ? data::digest_of(*input.bytes)
                             : data::digest_of(core::MappedFile(input.image).bytes());
      }
      job.finished[k] = is_finished(wanted(input, *job.cues, k, digest), request_.files);
    }
    return job;
  }

  void make_folders() const {
    std::set<fs::path> folders = {request_.out};
    for (const auto& input : inputs_) folders.insert((request_.out / input.stem).parent_path());
    for (const auto& folder : folders) {
      core::ensure_writable_folder(folder);
      core::remove_abandoned_files(folder.empty() ? "." : folder);
    }
  }

  /// Each distinct text is encoded once for as many images as its window holds. What is finished
  /// counts, so that the texts that are encoded together are the same for a call that goes on.
  /// @return the window's end
  std::size_t prepare_window(std::size_t begin) {
    constexpr std::size_t kTexts = 16384;
    std::set<std::string> texts;
    bool left = false;
    std::size_t end = begin;
    for (; end < jobs_.size() && texts.size() < kTexts; ++end) {
      const Job& job = jobs_[end];
      left = left || (job.fault.empty() && !job.is_finished());
      texts.insert(job.input->questions->texts.begin(), job.input->questions->texts.end());
      for (const auto& cues : *job.cues) texts.insert(cues.begin(), cues.end());
    }
    core::Communicator alone;
    if (left) responder_.prepare(std::vector<std::string>(texts.begin(), texts.end()), alone);
    return end;
  }

  /// How many threads ask the network at once: the same for a call that goes on, since loops on
  /// several cores may round otherwise.
  int askers() const {
    if (!segmentor_->is_for_several_threads()) return 1;
    return std::min(responder_.askers(), most_at_once());
  }

  int most_at_once() const {
    return static_cast<int>(std::min<std::int64_t>(loaded_.config.eval.batch_size,
                                                   static_cast<std::int64_t>(jobs_.size())));
  }

  /// Threads that read, ask and write, each about its own image: as many as there is memory for.
  int workers() const {
    constexpr double kBytesOfAPixel = 64;
    std::int64_t largest = 1;
    std::int64_t texts = 1;
    for (const auto& job : jobs_) {
      largest = std::max(largest, job.pixels);
      texts = std::max(texts, static_cast<std::int64_t>(job.finished.size()));
    }
    // And twice the maps of the texts that are asked together, a stage each.
    const auto stages = static_cast<double>(std::max<std::int64_t>(loaded_.model->cues_read(), 1));
    const auto mapped = std::min(texts * largest, std::max(kPixelsTogether, largest));
    const double each = kBytesOfAPixel * static_cast<double>(largest) +
                        2 * sizeof(float) * stages * static_cast<double>(mapped);
    const double room = static_cast<double>(core::free_memory(c10::kCPU)) / 2;
    const auto fit = static_cast<std::int64_t>(room / each);
    const int wanted = std::min(std::max(at::get_num_threads(), askers()), most_at_once());
    return static_cast<int>(std::clamp<std::int64_t>(fit, 1, wanted));
  }

  std::vector<Found> answer(const Job& job) {
    const core::LoopsOnThisThread loops(std::max(cores_ / askers_, 1));
    if (!job.fault.empty()) return {left_out(job, job.fault)};
    const std::size_t count = job.finished.size();
    std::vector<Found> all;
    for (std::size_t k = 0; k < count && job.is_finished(); ++k) {
      all.push_back(read_found(request_.out / job.input->name(k)));
    }
    if (job.is_finished()) return all;
    std::string digest;
    std::shared_ptr<const image::Picture> picture;
    try {
      const std::string own = job.input->bytes ? "" : core::read_file(job.input->image);
      const std::string& bytes = job.input->bytes ? *job.input->bytes : own;
      digest = data::digest_of(bytes);
      picture = std::make_shared<const image::Picture>(decoded(bytes, job.input->image));
    } catch (const core::Error& error) {
      return {left_out(job, fault_of(error))};
    }
    // Segment Anything would look anew each time.
    const std::int64_t fit =
        std::max<std::int64_t>(kPixelsTogether / (picture->height * picture->width), 1);
    const std::size_t together =
        segmentor_->is_for_several_threads() ? static_cast<std::size_t>(fit) : count;
    for (std::size_t first = 0; first < count; first += together) {
      answer_texts(job, picture, digest, first, std::min(count, first + together), all);
    }
    return all;
  }

  /// Texts `first` to `end`; those that were finished, too: what is asked together is the same for
  /// a call that goes on.
  void answer_texts(const Job& job, const std::shared_ptr<const image::Picture>& picture,
                    const std::string& digest, std::size_t first, std::size_t end,
                    std::vector<Found>& all) {
    double seconds = 0;
    const auto predictions = ask(job, picture, first, end, seconds);
    for (std::size_t k = first; k < end; ++k) {
      const engine::Prediction& prediction = predictions[k - first];
      if (job.finished[k]) {
        all.push_back(read_found(request_.out / job.input->name(k)));
        continue;
      }
      Found found = wanted(*job.input, *job.cues, k, digest);
      const image::Rle rle = image::encode(prediction.mask);
      found.peaks = prediction.peaks;
      found.box = image::bounding_box(rle);
      found.mask_area = image::area(rle);
      found.size = {picture->height, picture->width};
      found.seconds = seconds / static_cast<double>(end - first);
      write_prediction(prediction, request_.files, found);
      all.push_back(std::move(found));
    }
  }

  std::vector<engine::Prediction> ask(const Job& job,
                                      const std::shared_ptr<const image::Picture>& picture,
                                      std::size_t first, std::size_t end, double& seconds) {
    const auto& texts = job.input->questions->texts;
    const auto at = [](std::size_t k) { return static_cast<std::ptrdiff_t>(k); };
    const core::Turns::Turn turn(free_askers_);
    const core::Lap lap;
    auto predictions = engine::predict(
        responder_, *segmentor_, job.input->image, picture,
        {texts.begin() + at(first), texts.begin() + at(end)}, loaded_.config.data.image_size,
        {job.cues->begin() + at(first), job.cues->begin() + at(end)});
    seconds = lap.seconds();
    return predictions;
  }

  static image::Picture decoded(std::string_view bytes, const fs::path& image) {
    try {
      return image::decode_picture(bytes, /*apply_exif=*/true);
    } catch (const core::Error& error) {
      throw core::Error(cat("cannot read the image ", image.string(), ": ", error.what()));
    }
  }

  /// What is wrong with an image that is left out; else the Error.
  std::string fault_of(const core::Error& error) const {
    if (request_.skip_bad_images) return error.what();
    throw core::Error(cat(error.what(), " (--on-bad-image skip goes on without such images)"));
  }

  static Found left_out(const Job& job, const std::string& fault) {
    core::log::warning("skipped: " + fault);
    Found found;
    found.image = job.input->image;
    found.fault = fault;
    return found;
  }

  const PredictionRequest& request_;
  std::vector<PredictionInput> inputs_;
  LoadedModel loaded_;
  PredictionTexts texts_;
  std::unique_ptr<engine::Segmentor> segmentor_;
  engine::ModelResponder responder_;
  ordered_json made_with_;
  std::vector<Job> jobs_;
  int cores_ = at::get_num_threads();
  int askers_ = 1;
  core::Turns free_askers_{1};
};

}  // namespace

void predict(const PredictionRequest& request, const std::function<void(const Found&)>& tell) {
  Predicting(request).run(tell);
}

}  // namespace pcnet::runtime
