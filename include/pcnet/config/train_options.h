#pragma once

#include <cstdint>

#include "pcnet/config/field.h"
#include "pcnet/config/train_choices.h"

namespace pcnet::config {

/// Texts drawn for each picture in contrastive pre-training.
struct ContrastiveBatchOptions {
  std::int64_t captions = 2;
  std::int64_t positional_captions = 0;
  std::int64_t expressions = 4;
  std::int64_t cues = 2;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = ContrastiveBatchOptions;
    field("captions", &O::captions,
          {.help = "captions an image",
           .unit = "texts",
           .source = "docs/refsynth.md#training",
           .min = 0});
    field("positional_captions", &O::positional_captions,
          {.help = "so many of the captions say a direction where the image has such ones",
           .unit = "texts",
           .source = "docs/refsynth.md#position-words",
           .min = 0});
    field("expressions", &O::expressions,
          {.help = "referring expressions an image",
           .unit = "texts",
           .source = "docs/refsynth.md#training",
           .min = 0});
    field("cues", &O::cues,
          {.help = "cues an image",
           .unit = "texts",
           .source = "docs/refsynth.md#training",
           .min = 0});
  }
};

struct TrainOptions {
  Choice<Objective> objective = "referring";
  std::int64_t batch_size = 36;
  std::int64_t epochs = 15;
  std::int64_t max_steps = -1;
  double learning_rate = 5e-5;
  double backbone_factor = 0.1;
  double projection_factor = 1.0;
  double logit_scale_factor = 10.0;
  double weight_decay = 0.01;
  bool decay_norms = true;
  std::int64_t warmup_steps = 0;
  double decay_power = 0.9;
  double clip_norm = 0.0;
  Choice<StepPrecision> precision = "fp32";
  std::int64_t accumulate = 1;
  bool recompute = false;
  bool sync_batch_norm = true;
  double ema_decay = 0.0;
  std::int64_t checkpoint_every = 500;
  std::int64_t eval_every = 0;
  std::int64_t eval_every_epochs = 0;
  Choice<Figure> best_metric = "point_m";
  std::int64_t patience = 0;
  Choice<OnNonFinite> non_finite = "stop";
  std::int64_t log_every = 1;
  ContrastiveBatchOptions contrastive;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = TrainOptions;
    field("objective", &O::objective,
          {.help = "contrastive: image-text pre-training of the encoders; referring: the method"});
    field("batch_size", &O::batch_size,
          {.help = "images a step", .unit = "images", .source = "Sec. 4.1", .min = 1});
    field("epochs", &O::epochs,
          {.help = "passes over the training split", .source = "Sec. 4.1", .min = 0});
    field("max_steps", &O::max_steps,
          {.help =
               "stop after so many steps; -1: the epochs decide; 0: only write the untrained model",
           .unit = "steps",
           .min = -1});
    field("learning_rate", &O::learning_rate,
          {.help = "peak rate of the new layers", .source = "docs/method.md#training", .min = 0});
    field("backbone_factor", &O::backbone_factor,
          {.help = "rate of the CLIP encoders over that of the new layers",
           .source = "docs/method.md#training",
           .min = 0});
    field("projection_factor", &O::projection_factor,
          {.help = "rate of the projections behind the encoders over that of the other new layers: "
                   "a warm start has trained them, too",
           .source = "docs/refsynth.md#training",
           .min = 0});
    field("logit_scale_factor", &O::logit_scale_factor,
          {.help = "rate of a trained logit scale over that of the new layers",
           .source = "docs/refsynth.md#training",
           .min = 0});
    field(
        "weight_decay", &O::weight_decay,
        {.help = "decoupled weight decay of AdamW", .source = "docs/method.md#training", .min = 0});
    field("decay_norms", &O::decay_norms,
          {.help = "whether norms and biases, the parameters of fewer than two dimensions, decay "
                   "too; false: only the other weights do",
           .source = "docs/method.md#training"});
    field("warmup_steps", &O::warmup_steps,
          {.help = "steps of linear warm-up", .unit = "steps", .min = 0});
    field("decay_power", &O::decay_power,
          {.help = "exponent of the polynomial decay",
           .source = "docs/method.md#training",
           .min = 0});
    field("clip_norm", &O::clip_norm, {.help = "largest gradient norm; 0: no clipping", .min = 0});
    field("precision", &O::precision,
          {.help = "arithmetic of the step, weights stay fp32; auto: the fastest on the first "
                   "batch. Validation and prediction have eval.precision"});
    field("accumulate", &O::accumulate,
          {.help = "parts in which a batch is encoded, one after the other: less memory, one "
                   "more pass of the encoders, the same loss; batch norm sees each part alone",
           .unit = "parts",
           .source = "docs/precision_and_memory.md#parts-of-a-batch",
           .min = 1});
    field("recompute", &O::recompute,
          {.help = "compute what the stages hold for the gradient once more in the backward pass: "
                   "less memory, more time, the same gradient",
           .source = "docs/precision_and_memory.md#what-is-kept-for-the-gradient"});
    field("sync_batch_norm", &O::sync_batch_norm,
          {.help =
               "several processes: batch norms go by the whole batch, as in one process; no: each "
               "by its own images, and the running statistics by the mean",
           .source = "docs/clusters.md#the-loss-of-the-whole-batch"});
    field("ema_decay", &O::ema_decay,
          {.help = "validate and keep as best the running mean of the weights, "
                   "mean = d mean + (1 - d) weights after each step; 0: the weights themselves",
           .source = "docs/precision_and_memory.md#the-mean-of-the-weights",
           .min = 0,
           .max = 0.999999});
    field("checkpoint_every", &O::checkpoint_every,
          {.help = "how often last.safetensors is written; 0: at the end only",
           .unit = "steps",
           .min = 0,
           .affects = Affects::kNothing});
    field("eval_every", &O::eval_every,
          {.help = "how often the validation split is evaluated; 0: at the end only",
           .unit = "steps",
           .min = 0});
    field("eval_every_epochs", &O::eval_every_epochs,
          {.help = "the same in epochs, beside train.eval_every; 0: not by epochs",
           .unit = "epochs",
           .min = 0});
    field("best_metric", &O::best_metric,
          {.help = "the figure by which best.safetensors is chosen", .source = "Sec. 4.1"});
    field("patience", &O::patience,
          {.help = "validations without a better figure after which training ends; 0: it does not",
           .unit = "validations",
           .source = "docs/training.md#validation",
           .min = 0});
    field("non_finite", &O::non_finite,
          {.help = "a loss or gradient that is not finite: stop with a report, or skip the step; "
                   "the tenth in a row stops, too",
           .source = "docs/training.md#when-a-loss-is-not-finite",
           .affects = Affects::kCourse});
    field("log_every", &O::log_every,
          {.help = "how often a step is written to log.jsonl and for TensorBoard",
           .unit = "steps",
           .min = 1,
           .affects = Affects::kNothing});
    field("contrastive", &O::contrastive, {.help = "texts an image in objective `contrastive`"});
  }
};

}  // namespace pcnet::config
