#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>
#include <torch/torch.h>

namespace pcnet::model {
class ReferringModel;
}

namespace pcnet::runtime {

/// Copies into a new model all that it has by the same name; of TRIS's projections and PCNet's the
/// names are the same. The encoders come whole or not at all.
/// @param whole false: the head's scale stays as model.logit_scale says
/// @return {"from", "taken", "tensors", "new": [..], "not_used": [..]}, a row for each module of
/// the two lists: {"module", "tensors", "of", "names"}. ConfigError when `source` is of another
/// width or was trained with positions and the model has none; Error that lists what has another
/// shape and what of the encoders is missing, and when no name is the same; then nothing was
/// copied.
nlohmann::ordered_json start_from(model::ReferringModel& model,
                                  const std::map<std::string, at::Tensor>& given,
                                  const std::string& source, bool whole);

/// The same for a person, on one line.
std::string warm_start_text(const nlohmann::ordered_json& document);

}  // namespace pcnet::runtime
