#include "layers.h"

#include <algorithm>
#include <optional>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"

#include "value.h"

namespace pcnet::config {

namespace fs = std::filesystem;

namespace {

using Faults = std::vector<std::string>;

std::optional<YAML::Node> parse(const std::string& text, const std::string& name, bool has_lines,
                                Faults& faults) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      faults.push_back(
          core::cat(name, ": holds ", documents.size(), " YAML documents, wanted one"));
      return std::nullopt;
    }
    return documents.empty() ? YAML::Node() : documents.front();
  } catch (const YAML::Exception& broken) {
    const std::string line =
        has_lines && !broken.mark.is_null() ? core::cat(":", broken.mark.line + 1) : "";
    const bool escape = broken.msg.find("escape") != std::string::npos;
    faults.push_back(core::cat(name, line, ": broken YAML: ", broken.msg,
                               escape
                                   ? "; in double quotes a backslash is written twice, paths can "
                                     "have slashes instead"
                                   : ""));
    return std::nullopt;
  }
}

std::optional<Layer> read_layer(const fs::path& path, const std::string& named_at, Faults& faults) {
  std::string text;
  try {
    text = core::read_file(path);
  } catch (const core::Error& unreadable) {
    faults.push_back(named_at + unreadable.what());
    return std::nullopt;
  }
  const auto root = parse(text, path.string(), /*has_lines=*/true, faults);
  if (!root) return std::nullopt;
  return Layer{*root, path.string(), /*has_lines=*/true, ""};
}

/// Follows `extends` depth first.
class Chain {
 public:
  explicit Chain(Faults& faults) : faults_(faults) {}

  void add(const fs::path& file, const std::string& named_at) {
    const fs::path path = file.lexically_normal();
    std::error_code no_place;  // of a pipe
    const fs::path canonical = fs::weakly_canonical(path, no_place);
    const fs::path& identity = no_place ? path : canonical;
    const auto open = std::find(open_.begin(), open_.end(), identity);
    if (open != open_.end()) {
      faults_.push_back(core::cat(named_at, "circular: ", path.string(), " extends itself",
                                  open + 1 == open_.end() ? "" : " through other files"));
      return;
    }
    const auto layer = read_layer(path, named_at, faults_);
    if (!layer) return;
    open_.push_back(identity);
    if (layer->root.IsMap()) add_extended(*layer, path.parent_path());
    open_.pop_back();
    layers.push_back(*layer);
  }

  std::vector<Layer> layers;

 private:
  void add_extended(const Layer& layer, const fs::path& folder) {
    for (const auto& pair : layer.root) {
      if (!pair.first.IsScalar() || pair.first.Scalar() != "extends") continue;
      const std::string at = core::cat(layer.where(pair.first), ": extends: ");
      std::vector<YAML::Node> targets;
      if (pair.second.IsSequence()) {
        for (const auto& item : pair.second) targets.push_back(item);
      } else {
        targets.push_back(pair.second);
      }
      for (const auto& target : targets) {
        if (target.IsScalar() && !target.Scalar().empty()) {
          add(folder / target.Scalar(), at);
        } else {
          faults_.push_back(
              core::cat(at, "got ", describe(target), ", wanted a file name or a list of them"));
        }
      }
    }
  }

  Faults& faults_;
  std::vector<fs::path> open_;
};

}  // namespace

std::string Layer::where(const YAML::Node& node) const {
  const YAML::Mark mark = node.Mark();
  return has_lines && !mark.is_null() ? core::cat(name, ":", mark.line + 1) : name;
}

std::optional<Layer> file_layer(const fs::path& file, Faults& faults) {
  return read_layer(file.lexically_normal(), "", faults);
}

std::vector<Layer> file_layers(const fs::path& file, Faults& faults) {
  Chain chain(faults);
  chain.add(file, "");
  return std::move(chain.layers);
}

std::vector<Layer> text_layers(const std::string& text, const std::string& name, Faults& faults) {
  const auto root = parse(text, name, /*has_lines=*/false, faults);
  if (!root) return {};
  return {Layer{*root, name, /*has_lines=*/false, ""}};
}

std::vector<Layer> override_layers(const std::vector<std::string>& overrides, Faults& faults) {
  std::vector<Layer> layers;
  for (const auto& text : overrides) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      faults.push_back(core::cat("--set: got ", double_quoted(text), ", wanted key=value, e.g. ",
                                 "train.batch_size=8"));
      continue;
    }
    const std::string key = text.substr(0, equals);
    const auto root = parse(text.substr(equals + 1), core::cat("--set: ", key),
                            /*has_lines=*/false, faults);
    if (root) layers.push_back({*root, "--set", /*has_lines=*/false, key});
  }
  return layers;
}

}  // namespace pcnet::config
