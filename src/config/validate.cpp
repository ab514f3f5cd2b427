#include "pcnet/config/validate.h"

#include <type_traits>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::config {

namespace {

using core::cat;
using Faults = std::vector<std::string>;

void require_none(const Faults& faults) {
  if (!faults.empty()) throw core::ConfigError(core::join(faults, "\n"));
}

void check(const VisualOptions& options, Faults& faults) {
  if (options.layers.empty() || options.strides.size() != options.layers.size()) {
    faults.push_back(cat("model.clip.visual: ", options.layers.size(), " layers and ",
                         options.strides.size(),
                         " strides: wanted one stride a layer, at least one layer"));
    return;
  }
  if (!options.attention_pool) return;
  const std::int64_t channels = options.feature_channels();
  if (options.resolution % options.stride() != 0 || channels % options.heads != 0) {
    faults.push_back(cat("model.clip.visual: resolution ", options.resolution,
                         " must be a multiple of ", options.stride(), " and heads ", options.heads,
                         " must divide ", channels, " channels"));
  }
}

void check(const TextOptions& options, Faults& faults) {
  if (options.width % options.heads == 0) return;
  faults.push_back(
      cat("model.clip.text: heads ", options.heads, " must divide width ", options.width));
}

/// A named architecture has the values of the table.
void check(const ClipOptions& options, Faults& faults) {
  check(options.visual, faults);
  check(options.text, faults);
  const auto compare = [&]<class Options>(const char* part, const Options& got,
                                          const Options& named) {
    Options::fields([&](const char* key, auto member, const FieldInfo& /*info*/) {
      if (got.*member == named.*member) return;
      faults.push_back(cat("model.clip.", part, ".", key,
                           " is not that of model.clip.architecture ", options.architecture.word(),
                           ": leave it out, or say architecture: custom"));
    });
  };
  const ClipOptions named = with_architecture(options);
  compare("visual", options.visual, named.visual);
  compare("text", options.text, named.text);
}

struct FieldChecker {
  const ReferringOptions& options;
  Faults& faults;

  template <class Value>
  void operator()(std::string_view key, Value ReferringOptions::*member, const FieldInfo& info) {
    const Value& value = options.*member;
    if constexpr (std::is_arithmetic_v<Value> && !std::is_same_v<Value, bool>) {
      const auto number = static_cast<double>(value);
      if (!(number >= info.min && number <= info.max)) {
        faults.push_back(
            cat("model.referring.", key, ": got ", value, ", wanted ", info.min, " to ", info.max));
      }
    }
  }
};

bool compares_partners(const CriterionOptions& loss) {
  return loss.instance_disambiguation.weight > 0 || loss.kl_divergence.weight > 0;
}

void check(const CriterionOptions& loss, Faults& faults) {
  const auto& cls = loss.classification;
  if (cls.weight <= 0 && !compares_partners(loss) && loss.region_aware_shrinking.weight <= 0 &&
      loss.calibration.weight <= 0) {
    faults.push_back(
        "loss: every term has weight 0, so that there is nothing to learn; give one a weight");
  }
  if (cls.weight > 0 && !cls.mean_pooling && !cls.max_pooling && !cls.focal_pooling) {
    faults.push_back(
        "loss.classification: got no pooling at all, wanted mean_pooling, max_pooling or "
        "focal_pooling; or set its weight to 0");
  }
}

void check(const ContrastiveBatchOptions& options, bool mirrored, Faults& faults) {
  if (options.captions + options.expressions + options.cues == 0) {
    faults.push_back(
        "train.contrastive: captions, expressions and cues are all 0, wanted a text an image");
  }
  if (options.positional_captions > options.captions) {
    faults.push_back(cat("train.contrastive.positional_captions is ", options.positional_captions,
                         ", wanted at most train.contrastive.captions, which is ",
                         options.captions));
  }
  if (mirrored && options.captions == 0) {
    faults.push_back(
        "train.contrastive.captions is 0: loss.contrastive.mirrored compares captions, wanted 1 or "
        "more (or weight 0)");
  }
}

void check(const EvalOptions& options, Faults& faults) {
  if (!needs_sam(options.segmentor) || !options.sam.weights.empty()) return;
  faults.push_back(cat("eval.segmentor is ", options.segmentor.word(),
                       ", which asks Segment Anything: name its weights with --sam "
                       "(eval.sam.weights), sam_vit_h_4b8939.pth, sam_vit_l_0b3195.pth, "
                       "sam_vit_b_01ec64.pth or mobile_sam.pt"));
}

/// What the referring objective asks of the data.
void check_referring(const Config& config, Faults& faults) {
  check(config.loss, faults);
  if (compares_partners(config.loss) && config.data.partners == 0) {
    faults.push_back(
        "data.partners is 0: instance_disambiguation and kl_divergence compare a sentence with "
        "partners, wanted 1 or more (or weight 0 for both)");
  }
  const std::int64_t read = cues_read(config.model);
  if (read > config.data.cues_per_sentence) {
    faults.push_back(cat("model.stages is ", config.model.stages, ": its stages read ", read,
                         " cues of a sentence, wanted at most data.cues_per_sentence, which is ",
                         config.data.cues_per_sentence));
  }
}

void check_training(const Config& config, Faults& faults) {
  const TrainOptions& train = config.train;
  if (train.objective == "contrastive") {
    check(train.contrastive, config.loss.contrastive.mirrored > 0, faults);
  } else {
    check_referring(config, faults);
  }
  if (train.accumulate > train.batch_size) {
    faults.push_back(cat("train.accumulate is ", train.accumulate,
                         ": wanted at most train.batch_size, which is ", train.batch_size));
  }
  if (train.patience > 0 && train.eval_every + train.eval_every_epochs == 0) {
    faults.push_back(cat("train.patience is ", train.patience,
                         ", but nothing is validated before the end: set train.eval_every or "
                         "train.eval_every_epochs"));
  }
  if (config.eval.splits.empty()) {
    faults.push_back("eval.splits is empty: training validates on the first split");
  }
}

}  // namespace

std::vector<std::string> broken_rules(const Config& config) {
  Faults faults;
  check(config.eval, faults);
  check(config.model.clip, faults);
  const std::int64_t positions = config.model.clip.text.context_length;
  if (config.data.text_length > positions) {
    faults.push_back(cat("data.text_length is ", config.data.text_length,
                         ": wanted at most model.clip.text.context_length, which is ", positions));
  }
  check_training(config, faults);
  return faults;
}

void validate(const Config& config) { require_none(broken_rules(config)); }

void validate(const VisualOptions& options) {
  Faults faults;
  check(options, faults);
  require_none(faults);
}

void validate(const TextOptions& options) {
  Faults faults;
  check(options, faults);
  require_none(faults);
}

void validate(const ReferringOptions& options) {
  Faults faults;
  ReferringOptions::fields(FieldChecker{options, faults});
  if (options.context_keys == "reshaped" &&
      (options.context != "shared" || !options.partner_context)) {
    faults.emplace_back(
        "model.referring.context_keys is reshaped: wanted context shared and partner_context true, "
        "so that there are as many keys as texts");
  }
  require_none(faults);
}

void validate(const CriterionOptions& options) {
  Faults faults;
  check(options, faults);
  require_none(faults);
}

void validate(const ContrastiveBatchOptions& options, bool mirrored) {
  Faults faults;
  check(options, mirrored, faults);
  require_none(faults);
}

}  // namespace pcnet::config
