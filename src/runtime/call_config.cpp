#include "pcnet/runtime/call_config.h"

#include <functional>
#include <map>
#include <set>

#include "pcnet/config/paths.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/data/annotations/dataset_tree.h"
#include "pcnet/data/pack/pack.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;

namespace {

/// What belongs to one dataset and goes with no other.
constexpr const char* kSideKeys[] = {"data.images", "data.cues", "data.proposals",
                                     "data.clip_scores", "data.pack"};

bool are_same_place(const std::string& a, const std::string& b) {
  std::error_code ignored;  // what cannot be looked at is compared by name
  return fs::weakly_canonical(a, ignored) == fs::weakly_canonical(b, ignored);
}

/// Whether the pack was made of the files below a folder, which may be gone.
bool is_made_from(const std::string& pack, const std::string& root) {
  const fs::path folder = fs::absolute(root).lexically_normal();
  const data::Pack opened(pack);
  for (const auto& [kind, source] : opened.key().sources) {
    const fs::path way = fs::path(source.path).lexically_relative(folder);
    if (!way.empty() && *way.begin() != "..") return true;
  }
  return false;
}

/// Finds out what of a stored configuration a call uses.
class Adjustment {
 public:
  Adjustment(config::Config stored, config::ResolvedConfig called, fs::path folder)
      : stored_(std::move(stored)), called_(std::move(called)), folder_(std::move(folder)) {
    find_moved();
    leave_other_dataset();
  }

  /// Overrides that go before those of the call.
  std::vector<std::string> overrides() const {
    std::vector<std::string> all;
    for (const auto& [key, value] : changed_) all.push_back(config::assignment(key, value));
    return all;
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> all;
    for (const auto& [key, note] : moved_) {
      if (!left_.contains(key)) all.push_back(note);
    }
    if (!left_.empty()) {
      std::vector<std::string> texts;
      for (const auto& [key, value] : left_) texts.push_back(cat(key, " ", value));
      all.push_back(cat("another dataset than the stored one is named: not taken along: ",
                        core::join(texts, ", ")));
    }
    return all;
  }

  std::vector<std::string> missing() const {
    std::vector<std::string> all;
    for (const auto& [key, fault] : missing_) {
      if (!left_.contains(key)) all.push_back(fault);
    }
    return all;
  }

 private:
  bool is_named(const std::string& key) const { return called_.origins.at(key) == "--set"; }

  /// Stored paths that are not there any more, but at the same place beside the run's folder.
  void find_moved() {
    if (folder_.empty()) return;
    const std::string was = stored_.run.folder;
    for (const auto& [key, path] : config::path_values(stored_)) {
      if (is_named(key)) continue;
      if (key == "run.folder") {
        changed_[key] = fs::absolute(folder_).lexically_normal().string();
        continue;
      }
      const fs::path beside = config::place_beside(path, was, folder_);
      const bool is_beside = !beside.empty() && fs::exists(beside);
      // Older runs stored paths from the working folder of then, which means little here.
      const bool is_sure = fs::path(path).is_absolute() || !is_beside;
      if ((is_sure && fs::exists(path)) || (is_beside && are_same_place(path, beside))) continue;
      if (is_beside) {
        changed_[key] = beside.string();
        moved_[key] = cat(key, ": taken from ", beside.string(), ", as the run stored ", path);
      } else if (key.starts_with("data.") && key != "data.clip_scores") {  // for training alone
        const bool elsewhere = !beside.empty() && beside != path;
        missing_[key] = cat(key, ": no ", path, ", which the run stored",
                            elsewhere ? cat(", and no ", beside.string(), " beside the run") : "");
      }
    }
    // A pack is enough: the folder that it was made from is compared if it is there.
    if (!value("data.pack", stored_.data.pack, called_.values.data.pack).empty()) {
      missing_.erase("data.root");
    }
  }

  /// The stored value as it is now, or what the call names.
  std::string value(const std::string& key, const std::string& stored,
                    const std::string& called) const {
    if (is_named(key)) return called;
    const auto found = changed_.find(key);
    return found == changed_.end() ? stored : found->second;
  }

  void leave(const std::string& key, const std::string& stored) {
    if (is_named(key) || stored.empty()) return;
    changed_[key] = "";
    left_[key] = stored;
  }

  void leave_side_files() {
    const config::DataOptions& data = stored_.data;
    const std::string stored[] = {data.images, data.cues, data.proposals, data.clip_scores,
                                  data.pack};
    for (std::size_t i = 0; i < std::size(kSideKeys); ++i) {
      // Made of whatever sentences there are, so that they fit every dataset.
      if (stored[i] == config::kCuesByRules) continue;
      leave(kSideKeys[i], stored[i]);
    }
  }

  void leave_other_dataset() {
    const config::DataOptions& data = stored_.data;
    const config::DataOptions& asked = called_.values.data;
    if (is_named("data.pack") && !asked.pack.empty()) {
      if (are_same_place(value("data.pack", data.pack, asked.pack), data.pack)) return;
      if (data.pack.empty() && data.root.empty()) return;
      leave_side_files();
      if (!data.root.empty() && is_made_from(asked.pack, data.root)) return;
      leave("data.root", data.root);
      leave("data.dataset", data.dataset);
      leave("data.split_by", data.split_by);
      return;
    }
    const bool names_one =
        is_named("data.root") || is_named("data.dataset") || is_named("data.split_by");
    if (!names_one || (data.root.empty() && data.pack.empty())) return;
    config::DataOptions before = data;
    before.root = changed_.contains("data.root") ? changed_.at("data.root") : data.root;
    config::DataOptions now = before;
    now.root = value("data.root", data.root, asked.root);
    now.dataset = asked.dataset;
    now.split_by = asked.split_by;
    leave_names(now);
    if (!data::are_same_dataset(before, now)) leave_side_files();
  }

  /// The stored names, where the root that is named has no such dataset.
  void leave_names(config::DataOptions& now) {
    if (data::has_dataset(now)) return;
    if (!is_named("data.split_by")) now.split_by.clear();
    if (!data::has_dataset(now) && !is_named("data.dataset")) now.dataset.clear();
    if (now.split_by.empty()) leave("data.split_by", stored_.data.split_by);
    if (now.dataset.empty()) leave("data.dataset", stored_.data.dataset);
  }

  config::Config stored_;
  config::ResolvedConfig called_;
  fs::path folder_;
  std::map<std::string, std::string> changed_;  // key -> value
  std::map<std::string, std::string> moved_;    // key -> note
  std::map<std::string, std::string> missing_;  // key -> fault
  std::map<std::string, std::string> left_;     // key -> stored value
};

using Load = std::function<config::ResolvedConfig(const std::vector<std::string>&)>;

CallConfig adjusted(const Load& load, const fs::path& folder,
                    const std::vector<std::string>& overrides) {
  auto called = load(overrides);  // first: it tells the faults of both
  const Adjustment adjustment(load({}).values, std::move(called), folder);
  std::vector<std::string> all = adjustment.overrides();
  all.insert(all.end(), overrides.begin(), overrides.end());
  return {load(all).values, adjustment.notes(), adjustment.missing()};
}

/// The run's folder when the file is the config.yaml of a run; else empty.
fs::path run_with(const fs::path& file) {
  const fs::path folder = fs::absolute(file).lexically_normal().parent_path();
  const bool is_run = file.filename() == "config.yaml" && fs::is_directory(folder / "checkpoints");
  return is_run ? folder : fs::path{};
}

}  // namespace

CallConfig call_config(const StoredConfig& stored, const std::vector<std::string>& overrides) {
  const auto load = [&](const std::vector<std::string>& more) {
    return config::load_json(stored.values, stored.name, more);
  };
  return adjusted(load, stored.folder, overrides);
}

config::Config load_config(const fs::path& file, const std::vector<std::string>& overrides) {
  const auto load = [&](const std::vector<std::string>& more) { return config::load(file, more); };
  CallConfig call = adjusted(load, run_with(file), overrides);
  if (!call.missing.empty()) throw core::Error(cat(file.string(), ": ", call.missing.front()));
  for (const auto& note : call.notes) core::log::info(note);
  return call.values;
}

}  // namespace pcnet::runtime
