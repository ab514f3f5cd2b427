#include "pcnet/config/paths.h"

#include <algorithm>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

#include "schema.h"

namespace pcnet::config {

namespace fs = std::filesystem;

namespace {

/// Calls `use(key, text)` for each path that is set.
template <class Use>
void for_each_path(Config& config, Use use) {
  for (const auto& field : bind(config)) {
    if (!field.info.path) continue;
    auto* text = std::get<std::string*>(field.slot);
    const bool is_word = text == &config.data.cues && *text == kCuesByRules;
    if (!text->empty() && !is_word) use(field.key, *text);
  }
}

fs::path absolute_place(const fs::path& path) {
  const fs::path whole = fs::absolute(path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();  // "data/" is "data"
}

}  // namespace

std::vector<PathValue> path_values(const Config& config) {
  Config copy = config;
  std::vector<PathValue> values;
  for_each_path(copy, [&](const std::string& key, const std::string& path) {
    values.push_back({key, path});
  });
  return values;
}

Config with_absolute_paths(Config config) {
  for_each_path(config, [](const std::string& /*key*/, std::string& path) {
    path = absolute_place(path).string();
  });
  return config;
}

fs::path place_beside(const fs::path& path, const fs::path& stored_folder, const fs::path& folder) {
  if (stored_folder.empty() || folder.empty()) return {};
  const fs::path way = path.lexically_normal().lexically_relative(stored_folder.lexically_normal());
  return way.empty() ? fs::path{} : absolute_place(folder / way);
}

std::string assignment(const std::string& key, const std::string& text) {
  return core::cat(key, "=", core::json_text(nlohmann::json(text), {.exact = true}));
}

}  // namespace pcnet::config
