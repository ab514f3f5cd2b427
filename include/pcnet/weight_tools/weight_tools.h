#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/weights/state_dict.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::weight_tools {

/// Opens a weight file of any format, or a run folder's best checkpoint.
weights::WeightFile open_weights_or_run(const std::filesystem::path& path);

/// What `weights inspect` is asked.
struct InspectionRequest {
  std::filesystem::path path;  ///< weight file or run folder
  bool tensors = false;        ///< list every tensor
  bool statistics = false;     ///< read every number: minimum, maximum, mean, deviation, non-finite
};

/// What a weight file holds: format, layout, parts, types, architecture, what stands beside the
/// tensors, what is missing, unexpected or mismatched against that architecture, and where in this
/// program it would load.
nlohmann::ordered_json inspect_weights(const InspectionRequest& request);
nlohmann::ordered_json inspect_weights(const weights::WeightFile& file,
                                       const InspectionRequest& request);

/// What `weights convert` is asked.
struct ConversionRequest {
  std::filesystem::path in;               ///< weight file or run folder
  std::filesystem::path out;              ///< .safetensors, .pt or .pth, which decides the format
  std::optional<weights::Layout> layout;  ///< none: every tensor under the name it has
  std::string dtype = "same";             ///< of the floating-point tensors: f32, f16, bf16, same
};

/// The layout of that name. UsageError that lists those that can be written.
weights::Layout parse_layout(const std::string& name);

/// Writes the file, whole or not at all. UsageError for a conversion that has no meaning, for the
/// wrong ending, and where OUT is IN or a folder; Error for tensors that the layout needs and the
/// file lacks, and for numbers that overflow in the new type.
/// @return what was written: file, format, layout, tensors, bytes, what was left out, what of the
/// file is opaque (`opaque`: no format but Python's keeps it)
nlohmann::ordered_json convert_weights(const ConversionRequest& request);

/// What `weights diff` is asked.
struct DifferenceRequest {
  std::filesystem::path a;  ///< weight file or run folder
  std::filesystem::path b;
  double tolerance = 0;  ///< largest absolute difference that counts as equal
};

/// Compares the models of two files under their reference names: of files in unknown layouts all
/// tensors, of a CLIP and a model around one the encoders. `equal` is true when names and shapes
/// agree, no number differs by more than the tolerance and, at tolerance 0, the types agree. Two
/// NaN in one place are equal.
nlohmann::ordered_json diff_weights(const DifferenceRequest& request);
nlohmann::ordered_json diff_weights(const weights::WeightFile& a, const weights::WeightFile& b,
                                    double tolerance);

}  // namespace pcnet::weight_tools
