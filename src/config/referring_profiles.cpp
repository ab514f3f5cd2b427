#include <algorithm>
#include <string_view>
#include <type_traits>

#include "pcnet/config/referring_options.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::config {

namespace {

ReferringOptions released() {
  return {.stages = 1,
          .modules = 4,
          .context = "shared",
          .cue_residual = false,
          .stage_cue = "sentence_last",
          .unit_inputs = true,
          .projections = "shared",
          .response_text = "vision_updated",
          .response = "inner_product"};
}

ReferringOptions improved() {
  return {.context = "pair",
          .modulation = "vta_tta_add",
          .cue_scale = 0.3,
          .residual_scale = 0.3,
          .scaled_inputs = true,
          .unit_inputs = true,
          .visual_update = "off"};
}

struct Validator {
  const ReferringOptions& options;

  template <class Value>
  void operator()(std::string_view key, Value ReferringOptions::*member, const FieldInfo& info) {
    const Value& value = options.*member;
    if constexpr (std::is_same_v<Value, std::string>) {
      if (std::find(info.choices.begin(), info.choices.end(), value) == info.choices.end()) {
        const std::vector<std::string> choices(info.choices.begin(), info.choices.end());
        throw core::ConfigError(core::cat("referring option ", key, ": got \"", value,
                                          "\", wanted one of ", core::join(choices, ", ")));
      }
    } else if constexpr (!std::is_same_v<Value, bool>) {
      const auto number = static_cast<double>(value);
      if (!(number >= info.min && number <= info.max)) {
        throw core::ConfigError(core::cat("referring option ", key, ": got ", value, ", wanted ",
                                          info.min, " to ", info.max));
      }
    }
  }
};

}  // namespace

std::vector<std::string> referring_profiles() { return {"paper", "released", "improved"}; }

ReferringOptions referring_profile(const std::string& name) {
  if (name == "paper") return {};
  if (name == "released") return released();
  if (name == "improved") return improved();
  throw core::UsageError(
      core::cat("there is no profile \"", name, "\": wanted paper, released or improved"));
}

void validate(const ReferringOptions& options) { ReferringOptions::fields(Validator{options}); }

std::int64_t cues_read(const ReferringOptions& options) {
  return options.stage_cue == "sentence_last" ? options.stages - 1 : options.stages;
}

}  // namespace pcnet::config
