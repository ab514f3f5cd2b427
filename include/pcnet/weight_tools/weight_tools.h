#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pcnet/clip/weights.h"
#include "pcnet/sam/sam_options.h"
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

/// A tensor's finite numbers, and how many are not.
struct Statistics {
  struct Finite {
    double min = 0;
    double max = 0;
    double mean = 0;
    double deviation = 0;
  };
  std::int64_t non_finite = 0;
  std::optional<Finite> finite;  ///< none: there is no finite number
};

/// What a weight file holds.
struct Inspection {
  struct Count {
    std::string name;
    std::int64_t tensors = 0;
    std::int64_t elements = 0;
  };
  /// Where in this program the file would load.
  struct Place {
    std::string where;
    std::string what;
    std::vector<std::string> settings;  ///< that have to be given with it
  };
  struct TensorRow {
    std::string name;
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::optional<Statistics> statistics;
  };

  std::string file;
  std::string format;
  std::string layout;
  std::string prefix;  ///< that every name of the model has
  std::size_t tensors = 0;
  std::uint64_t tensor_bytes = 0;
  std::size_t model_tensors = 0;
  std::int64_t parameters = 0;
  std::vector<Count> parts;   ///< of the model, in the order of their names in it
  std::vector<Count> dtypes;  ///< of the file, in its order
  std::vector<std::string> left_out;
  std::vector<std::pair<std::string, std::string>> values;  ///< plain data beside the tensors
  std::vector<std::pair<std::string, std::string>> opaque;  ///< name and type of what was not read
  std::size_t hidden_tensors = 0;                           ///< within these
  std::map<std::string, std::string> metadata;
  std::optional<clip::Architecture> architecture;  ///< of a CLIP, or of the encoders of a model
  std::optional<sam::SamOptions> sam;
  std::optional<weights::Fit> fit;  ///< against that architecture, or FreeSOLO's
  std::vector<Place> loads;
  std::string advice;                                 ///< empty: there is none
  std::optional<std::vector<TensorRow>> tensor_list;  ///< where it was asked for
};

Inspection inspect_weights(const InspectionRequest& request);

/// What `weights convert` is asked.
struct ConversionRequest {
  std::filesystem::path in;               ///< weight file or run folder
  std::filesystem::path out;              ///< .safetensors, .pt or .pth, which decides the format
  std::optional<weights::Layout> layout;  ///< none: every tensor under the name it has
  std::string dtype = "same";             ///< of the floating-point tensors: f32, f16, bf16, same
};

/// The layout of that name. UsageError that lists those that can be written.
weights::Layout parse_layout(const std::string& name);

/// What was written.
struct Conversion {
  std::string in;
  std::string out;
  std::string from;  ///< layout of IN
  std::optional<weights::Layout> layout;
  std::size_t tensors = 0;
  std::uint64_t bytes = 0;
  std::size_t left_out = 0;                                 ///< tensors
  std::vector<std::pair<std::string, std::string>> opaque;  ///< no format but Python's keeps these
};

/// Writes the file, whole or not at all. UsageError for a conversion that has no meaning, for the
/// wrong ending, and where OUT is IN or a folder; Error for tensors that the layout needs and the
/// file lacks, and for numbers that overflow in the new type.
Conversion convert_weights(const ConversionRequest& request);

/// What `weights diff` is asked.
struct DifferenceRequest {
  std::filesystem::path a;  ///< weight file or run folder
  std::filesystem::path b;
  double tolerance = 0;  ///< largest absolute difference that counts as equal
};

/// How two files differ.
struct Difference {
  struct Side {
    std::string file;
    std::string layout;
    std::string prefix;
    std::size_t tensors = 0;
    std::vector<std::string> left_out;
  };
  struct Kind {
    std::string dtype;
    std::vector<std::int64_t> shape;
  };
  struct KindRow {
    std::string name;
    Kind a;
    Kind b;
  };
  struct NumberRow {
    std::string name;
    double absolute = 0;  ///< the largest |a - b|; infinite where one of the two is not finite
    double relative = 0;  ///< the largest |a - b| / max(|a|, |b|)
  };

  bool equal = false;
  Side a;
  Side b;
  double tolerance = 0;
  std::size_t common = 0;
  std::size_t beyond_tolerance = 0;  ///< tensors
  std::vector<std::string> only_in_a;
  std::vector<std::string> only_in_b;
  std::vector<KindRow> shapes;
  std::vector<KindRow> dtypes;
  std::vector<NumberRow> numbers;  ///< the largest difference first
};

/// Compares the models of two files under their reference names: of files in unknown layouts all
/// tensors, of a CLIP and a model around one the encoders. `equal` is true when names and shapes
/// agree, no number differs by more than the tolerance and, at tolerance 0, the types agree. Two
/// NaN in one place are equal.
Difference diff_weights(const DifferenceRequest& request);

}  // namespace pcnet::weight_tools
