#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pcnet/config/data_options.h"
#include "pcnet/config/eval_options.h"
#include "pcnet/config/loss_options.h"
#include "pcnet/config/model_options.h"
#include "pcnet/config/run_options.h"
#include "pcnet/config/train_options.h"

namespace pcnet::config {

/// Everything that a run depends on, in the sections of a configuration file.
struct Config {
  DataOptions data;
  ModelOptions model;
  LossOptions loss;
  TrainOptions train;
  EvalOptions eval;
  RunOptions run;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = Config;
    field("data", &O::data, {.help = "images and sentences"});
    field("model", &O::model, {.help = "the network"});
    field("loss", &O::loss, {.help = "terms of the loss"});
    field("train", &O::train, {.help = "optimisation"});
    field("eval", &O::eval, {.help = "evaluation"});
    field("run", &O::run, {.help = "seed, device, folder"});
  }
};

/// The configuration with the origin of each value.
struct ResolvedConfig {
  Config values;
  /// Dotted key -> "default", "profile paper", "configs/a.yaml:12" or "--set".
  std::map<std::string, std::string> origins;
};

/// Defaults < what model.profile sets < the file's `extends` chain < the file < `overrides`
/// ("a.b=value", in order; the value is read as YAML). ConfigError lists every fault at once: a
/// missing file, broken YAML, an unknown key (with the nearest one), a wrong type, a value out of
/// range, a circular `extends`.
ResolvedConfig load(const std::filesystem::path& file, const std::vector<std::string>& overrides);

/// The same without a file.
ResolvedConfig load_defaults(const std::vector<std::string>& overrides);

/// A stored configuration (from a checkpoint) with overrides on top. `name` names it in errors.
ResolvedConfig load_json(const nlohmann::ordered_json& stored, const std::string& name,
                         const std::vector<std::string>& overrides);

/// Every key, complete, in declaration order.
nlohmann::ordered_json to_json(const Config& config);
std::string to_yaml(const Config& config);

/// One key of the documentation, in declaration order.
struct KeyDoc {
  std::string key;   ///< dotted
  std::string type;  ///< "integer", "number", "text", "yes/no", "list of integers", ...
  std::string unit;
  std::string default_value;  ///< as YAML
  std::string help;
  std::string source;
  std::string range;  ///< ">= 1", "one of a, b", or empty
  Affects affects = Affects::kResults;
  bool packed = false;
};
std::vector<KeyDoc> documentation();

/// A key whose values differ.
struct Difference {
  std::string key;
  std::string left;
  std::string right;
  Affects affects = Affects::kResults;
  bool path = false;  ///< where something is, not what
};
std::vector<Difference> difference(const Config& left, const Config& right);

/// The configuration of the model that answers: what changes its answers alone (Affects::kAnswers)
/// is as if nobody had asked for it.
Config with_default_answers(Config config);

}  // namespace pcnet::config
