#include "support/observation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/random.h"
#include "pcnet/runtime/evaluation.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/runtime/training_parts.h"

#include "support/hand_dataset.h"

namespace pcnet::support {

namespace {

constexpr double kSmallest = 1e-4;  // relative: float differs by less from run to run

std::vector<std::string> cues_of(std::int64_t sent_id) {
  const std::vector<std::string> words = {"red", "blue", "left", "right", "cup", "plate", "big"};
  std::vector<std::string> cues;
  for (std::int64_t k = 0; k < 5; ++k) {
    const auto word = [&](std::int64_t i) { return words[static_cast<std::size_t>(i) % 7]; };
    cues.push_back(core::cat(word(sent_id + k), " ", word(3 * sent_id + 2 * k + 1)));
  }
  return cues;
}

HandDataset observed_dataset() {
  HandDataset hand;
  hand.images = {{10, 96, 96}, {11, 88, 112}, {12, 96, 64}, {13, 90, 100}};
  const std::vector<Rectangle> places = {{4, 6, 40, 30}, {30, 40, 30, 44}, {8, 50, 20, 24}};
  const std::vector<std::vector<std::string>> sentences = {
      {"red cup", "the big red cup left of the blue plate"},
      {"the blue plate", "plate right", "the plate on the right of the red cup"},
      {"left cup", "the small cup"}};
  std::int64_t sent_id = 1000;
  for (const auto& image : hand.images) {
    hand.captions[image.id] = {core::cat("a cup and a plate of image ", image.id), "two plates",
                               "a plate on the left"};
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto ann_id = 10 * image.id + static_cast<std::int64_t>(i);
      hand.objects.push_back({ann_id, image.id, places[i]});
      // The first object is referred to twice: two references may mean one object.
      for (std::int64_t again = 0; again < (i == 0 ? 2 : 1); ++again) {
        HandDataset::Reference reference{
            10 * ann_id + again, ann_id, image.id, image.id == 13 ? "val" : "train", {}};
        for (const auto& text : sentences[i]) {
          hand.cues[sent_id] = cues_of(sent_id);
          reference.sentences.push_back({sent_id++, text, ""});
        }
        hand.references.push_back(reference);
      }
      hand.proposals[image.id].push_back(rectangle_mask(image.height, image.width, places[i]));
    }
    for (const Rectangle& more : std::vector<Rectangle>{
             {0, 0, 60, 70}, {2, 2, 7, 5}, {4, 6, 36, 30}, {40, 4, 22, 20}, {20, 20, 26, 13}}) {
      hand.proposals[image.id].push_back(rectangle_mask(image.height, image.width, more));
    }
  }
  return hand;
}

void write_noise(const HandDataset& hand, const std::filesystem::path& root) {
  core::Rng rng(7);
  for (const auto& image : hand.images) {
    image::Picture picture(image.height, image.width);
    for (auto& value : picture.rgb) value = static_cast<std::uint8_t>(rng.below(256));
    core::write_file_plain(root / "train2014" / core::cat(image.id, ".png"),
                           image::encode_png_stored(picture));
  }
}

/// Each object's mask as two polygons that share half of it.
void write_polygons(const std::filesystem::path& file) {
  auto document = pcnet::core::parse_json<nlohmann::json>(core::read_file(file));
  for (auto& annotation : document["annotations"]) {
    const auto box = annotation["bbox"].get<std::vector<double>>();
    const auto part = [&](double from, double to) {
      const double top = box[1] + from * box[3];
      const double bottom = box[1] + to * box[3];
      return std::vector<double>{box[0],          top,    box[0] + box[2], top,
                                 box[0] + box[2], bottom, box[0],          bottom};
    };
    annotation["segmentation"] = {part(0, 0.75), part(0.25, 1)};
  }
  core::write_file_plain(file, pcnet::core::json_text(document));
}

/// Weights that depend on the parameter's name and shape alone.
void draw_by_name(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    const std::string& name = item.key();
    if (name == "logit_scale" || name.ends_with("residual_scale") || name.ends_with("_gate")) {
      continue;  // the settings' own
    }
    std::uint64_t seed = 14695981039346656037U;
    for (const char letter : name) {
      seed = (seed ^ static_cast<std::uint64_t>(letter)) * 1099511628211U;
    }
    torch::manual_seed(seed);
    const bool norm = item->dim() == 1 && name.ends_with("weight");
    item->copy_(torch::randn(item->sizes()) * 0.3 + (norm ? 1.0 : 0.0));
  }
}

/// One thread is faster for such small tensors, and adds up in one order.
class KeptThreads {
 public:
  KeptThreads() = default;
  ~KeptThreads() { at::set_num_threads(threads_); }
  KeptThreads(const KeptThreads&) = delete;
  KeptThreads& operator=(const KeptThreads&) = delete;

 private:
  int threads_ = at::get_num_threads();
};

using Tensors = std::map<std::string, at::Tensor>;

void add_batch(const data::Batch& batch, const std::string& prefix, Tensors& seen) {
  const auto add = [&](const char* name, const at::Tensor& value) {
    if (value.defined()) seen.emplace(prefix + name, value.cpu());
  };
  add("images", batch.images);
  add("tokens", batch.tokens);
  add("text_index", batch.text_index);
  add("cue_index", batch.cue_index);
  add("partner_index", batch.partner_index);
  add("partner_cue_index", batch.partner_cue_index);
  add("has_partner", batch.has_partner);
  add("proposals", batch.proposals);
  add("sent_ids", batch.sent_ids);
}

Tensors training_maps(model::ReferringModel& model, const data::Batch& batch) {
  const torch::NoGradGuard no_grad;
  const at::Tensor distinct = model.encode_texts(batch.tokens);
  const at::Tensor texts = at::cat({batch.text_index, batch.partner_index}, 1);
  const at::Tensor cues = at::cat({batch.cue_index, batch.partner_cue_index}, 1);
  const auto stages = model.answer_batch(model.encode_images(batch.images),
                                         model::gather_expressions(distinct, texts, cues));
  Tensors seen;
  for (std::size_t n = 0; n < stages.size(); ++n) {
    seen.emplace(core::cat("samples ", n), stages[n].samples.cpu());
    seen.emplace(core::cat("partners ", n), stages[n].partners.cpu());
  }
  return seen;
}

/// Keeps what another responder answers.
class Recorder : public engine::Responder {
 public:
  Recorder(engine::Responder& asked, Tensors& seen) : asked_(asked), seen_(seen) {}
  std::vector<at::Tensor> respond(std::span<const engine::Query> queries) override {
    auto answers = asked_.respond(queries);
    for (const auto& maps : answers) seen_.emplace(core::cat(seen_.size()), maps.cpu());
    return answers;
  }
  std::int64_t cues_read() const override { return asked_.cues_read(); }

 private:
  engine::Responder& asked_;
  Tensors& seen_;
};

at::Tensor as_tensor(const std::string& text) {
  const std::vector<std::int64_t> letters(text.begin(), text.end());
  return torch::tensor(letters, torch::kInt64);
}

double largest(const at::Tensor& tensor) {
  return tensor.numel() == 0 ? 0 : tensor.to(at::kDouble).abs().max().item<double>();
}

/// Relative to the largest value of the left one, or to `least` where that is smaller.
double difference(const at::Tensor& left, const at::Tensor& right, double least = 0) {
  constexpr double kAnother = std::numeric_limits<double>::infinity();
  if (left.sizes() != right.sizes() || left.scalar_type() != right.scalar_type()) return kAnother;
  if (left.numel() == 0) return 0;
  if (!left.is_floating_point()) return at::equal(left, right) ? 0 : kAnother;
  const double apart = (left - right).abs().max().item<double>();
  if (apart == 0) return 0;
  return std::isnan(apart) ? kAnother : apart / std::max(largest(left), least);
}

/// @param common compare only what both have
bool same(const Tensors& left, const Tensors& right, bool common) {
  if (!common && left.size() != right.size()) return false;
  return std::all_of(left.begin(), left.end(), [&](const auto& item) {
    const auto found = right.find(item.first);
    return found == right.end() ? common : difference(item.second, found->second) <= kSmallest;
  });
}

/// What training computes with the first batch: maps, loss, gradient, and a later step.
void watch_training(runtime::TrainingParts& parts, const data::Batch& batch, Observation& out) {
  parts.model->train();
  if (parts.config.train.objective == "referring") {
    out.seen[Place::kMaps] = training_maps(*parts.model, batch);
  }
  const losses::Terms terms = parts.learner->losses(batch, {.step = 0, .progress = 0.1});
  for (const auto& [name, value] : terms.terms) out.seen[Place::kLoss][name] = value.detach().cpu();
  out.seen[Place::kLoss]["total"] = terms.total.detach().cpu();
  terms.total.backward();
  for (const auto& item : parts.model->named_parameters()) {
    out.seen[Place::kParameters][item.key()] =
        torch::full(item->sizes(), item->requires_grad() ? 1.0 : 0.0);
    if (!item->grad().defined()) continue;
    out.seen[Place::kGradient][item.key()] = item->grad().cpu().clone();
  }
  for (const std::int64_t step : {0, 1}) parts.trainer->step(batch, step);
  for (const auto& item : parts.model->named_parameters()) {
    out.seen[Place::kStep][item.key()] = item->detach().cpu().clone();
  }
}

}  // namespace

std::string name_of(Place place) {
  switch (place) {
    case Place::kBatch:
      return "the batch";
    case Place::kMaps:
      return "the maps in training";
    case Place::kLoss:
      return "the loss";
    case Place::kGradient:
      return "the gradient";
    case Place::kParameters:
      return "the parameters";
    case Place::kAnswers:
      return "the maps in evaluation";
    case Place::kScores:
      return "the scores";
    case Place::kStep:
      return "the weights after a step";
    case Place::kNowhere:
      break;
  }
  return "nowhere";
}

void write_observed_dataset(const std::filesystem::path& root) {
  const HandDataset hand = observed_dataset();
  hand.write(root);
  write_noise(hand, root);
  write_polygons(root / "toy" / "instances.json");
}

config::Config observed_config(const std::filesystem::path& root,
                               const std::vector<std::string>& overrides) {
  std::vector<std::string> all = {core::cat("data.root=", root.string()),
                                  "data.image_size=96",
                                  "data.text_length=9",
                                  "data.workers=0",
                                  "data.prefetch=0",
                                  "model.width=8",
                                  "model.clip.text.tokenizer=words",
                                  "train.batch_size=3",
                                  "train.epochs=1",
                                  "train.learning_rate=1e-2",
                                  "eval.threshold=0.1",
                                  "run.threads=1"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  config::Config config = config::load_defaults(all).values;
  const auto tokenizer = config.model.clip.text.tokenizer;
  config.model.clip = config::clip_architecture("tiny");
  config.model.clip.text.tokenizer = tokenizer;
  return config;
}

Observation observe(const config::Config& config) {
  const KeptThreads kept;
  runtime::TrainingParts parts(config);
  draw_by_name(*parts.model);
  Observation out;
  const auto loader = parts.loader(0);
  data::Batch first;
  for (std::int64_t step = 0; step < parts.steps_per_epoch(); ++step) {
    const data::Batch batch = loader->next();
    if (step == 0) first = batch;
    add_batch(batch, core::cat(step, " "), out.seen[Place::kBatch]);
  }
  // Before training moves the statistics of the norms.
  engine::ModelResponder asked =
      runtime::responder_for(parts.model, *parts.tokenizer, config, parts.device);
  Recorder recorder(asked, out.seen[Place::kAnswers]);
  const auto segmentor = runtime::segmentor_for(config, parts.dataset);
  const auto result = runtime::evaluate(recorder, *segmentor, parts.dataset, config,
                                        config.eval.splits, "observed");
  out.seen[Place::kScores]["splits"] =
      as_tensor(pcnet::core::json_text(to_json(result).at("splits")));
  watch_training(parts, first.to(parts.device), out);
  return out;
}

std::map<Place, double> differences(const Observation& left, const Observation& right) {
  // A bias before a norm has no gradient but rounding: beside the others it is nothing.
  constexpr double kNothing = 1e-3;
  std::map<Place, double> all;
  for (const auto& [place, tensors] : left.seen) {
    const auto other = right.seen.find(place);
    if (other == right.seen.end()) continue;
    double scale = 0;
    for (const auto& [name, tensor] : tensors) scale = std::max(scale, largest(tensor));
    double& apart = all[place];
    for (const auto& [name, tensor] : tensors) {
      const auto found = other->second.find(name);
      apart = std::max(apart, found == other->second.end()
                                  ? std::numeric_limits<double>::infinity()
                                  : difference(tensor, found->second, kNothing * scale));
    }
  }
  return all;
}

Place first_difference(const Observation& left, const Observation& right) {
  for (int i = 0; i < static_cast<int>(Place::kNowhere); ++i) {
    const auto place = static_cast<Place>(i);
    const auto of = [&](const Observation& one) {
      const auto found = one.seen.find(place);
      return found == one.seen.end() ? Tensors{} : found->second;
    };
    if (!same(of(left), of(right), place == Place::kGradient)) return place;
  }
  return Place::kNowhere;
}

}  // namespace pcnet::support
