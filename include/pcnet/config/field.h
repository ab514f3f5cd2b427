#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>

/// Options are plain aggregates that list their fields once, in `fields`:
///
///     struct OptimizerOptions {
///       double weight_decay = 0.01;
///       template <class Visitor>
///       static void fields(Visitor&& field) {
///         field("weight_decay", &OptimizerOptions::weight_decay,
///               {.help = "decoupled weight decay of AdamW",
///                .source = "docs/method.md#training",
///                .min = 0});
///       }
///     };
///
/// From that list come reading, validation, `config docs`, the stored config and its comparison.
/// A field is a bool, int64_t, double, std::string, a word of an enum (config/choice.h), a vector
/// of int64_t, double or std::string, or another such aggregate (a sub-section).
namespace pcnet::config {

/// What another value of a key changes. A run is resumed, and a study's run counts as the same one,
/// only where nothing that they depend on differs.
enum class Affects {
  kResults,     ///< what is learned or measured: a run keeps it, another value is another run
  kAnswers,     ///< what is measured of a trained model: a run keeps it, a study evaluates again
  kArithmetic,  ///< the last bits: a run keeps it, but another value is the same run of a study
  kCourse,      ///< what happens to a run in trouble: may change when it is resumed
  kNothing,     ///< speed, places, and what is written beside the results
};

struct FieldInfo {
  std::string_view help;         ///< one sentence
  std::string_view unit = {};    ///< "px", "images", ...
  std::string_view source = {};  ///< the paper's equation, table or section
  double min = -std::numeric_limits<double>::infinity();  ///< smallest number allowed
  double max = std::numeric_limits<double>::infinity();   ///< largest number allowed
  bool path = false;  ///< a file or folder: a run stores it absolute (config/paths.h)
  Affects affects = Affects::kResults;
  bool packed = false;  ///< a pack holds what the key makes of the dataset
};

struct IgnoreField {
  template <class... Args>
  void operator()(Args&&...) const {}
};

/// True for an options struct with a field list.
template <class T>
concept Section = requires {
  T::fields(IgnoreField{});
};

}  // namespace pcnet::config
