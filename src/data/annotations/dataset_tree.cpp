#include "pcnet/data/annotations/dataset_tree.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/format.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;
using core::Error;

namespace {

/// A dataset's annotations, and the folder below which its pictures lie.
struct Candidate {
  fs::path file;  ///< refs(<splitBy>).p or annotations.jsonl
  std::string dataset;
  std::string split_by;
  bool custom = false;
};

constexpr const char* kCustomFile = "annotations.jsonl";
constexpr std::array<const char*, 3> kPicturePlaces = {"train2014", "images/train2014",
                                                       "images/mscoco/images/train2014"};

/// The folder's own name, also when it was given as "refcoco/" or ".".
fs::path whole(const fs::path& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

std::vector<fs::path> folders_in(const fs::path& parent) {
  std::vector<fs::path> found;
  std::error_code ignored;  // an unreadable folder holds nothing for us; the caller reports
  for (const auto& entry : core::list_folder(parent, ignored)) {
    if (entry.is_directory(ignored)) found.push_back(entry.path());
  }
  return found;
}

/// The annotation files in a folder.
void add_annotations(const fs::path& folder, std::vector<Candidate>& found) {
  std::error_code ignored;  // as above
  if (fs::is_regular_file(folder / kCustomFile, ignored)) {
    found.push_back({folder / kCustomFile, "custom", "", true});
  }
  for (const auto& entry : core::list_folder(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("refs(") || !name.ends_with(").p")) continue;
    found.push_back(
        {entry.path(), whole(folder).filename().string(), name.substr(5, name.size() - 8)});
  }
}

bool holds_pictures(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return name == "train2014" || name == "images";
}

/// `<root>/<dataset>` and `<root>/refer/<dataset>`, and the root itself.
std::vector<Candidate> annotations_below(const fs::path& root) {
  std::vector<Candidate> found;
  add_annotations(root, found);
  for (const fs::path& parent : {root / "refer", root}) {
    for (const auto& folder : folders_in(parent)) {
      if (!holds_pictures(folder)) add_annotations(folder, found);
    }
  }
  return found;
}

std::vector<Candidate> all_annotations(const fs::path& root) {
  std::vector<Candidate> found = annotations_below(root);
  if (found.empty()) {  // the root may be the folder above the tree
    for (const auto& folder : folders_in(root)) {
      if (holds_pictures(folder)) continue;
      const auto inside = annotations_below(folder);
      found.insert(found.end(), inside.begin(), inside.end());
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Candidate& a, const Candidate& b) { return a.file < b.file; });
  return found;
}

std::string name_of(const Candidate& c) {
  return c.custom ? c.dataset : cat(c.dataset, " (", c.split_by, ")");
}

std::string names_of(const std::vector<Candidate>& candidates) {
  std::vector<std::string> names;
  for (const auto& c : candidates) names.push_back(name_of(c));
  // Two of one name: only their places tell them apart.
  const std::set<std::string> different(names.begin(), names.end());
  if (different.size() < names.size()) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      names[i] += cat(" in ", candidates[i].file.parent_path().string());
    }
  }
  return core::join(names, ", ");
}

[[noreturn]] void no_annotations(const fs::path& root) {
  throw Error(cat("no dataset under ", root.string(), ": looked for refs(<splitBy>).p in ",
                  (root / "<dataset>").string(), " and ", (root / "refer/<dataset>").string(),
                  ", and for ", (root / kCustomFile).string(),
                  "; unpack refcoco.zip, refcoco+.zip or refcocog.zip of the ",
                  "REFER project there, or write ", kCustomFile, " for images of your own"));
}

/// What tells several datasets apart: the options that choose the first.
std::string how_to_choose(const std::vector<Candidate>& fitting) {
  std::set<std::string> datasets;
  std::set<std::string> partitions;
  for (const auto& c : fitting) {
    datasets.insert(c.dataset);
    partitions.insert(c.split_by);
  }
  const Candidate& first = fitting.front();
  std::string options;
  if (fitting.size() == 1) {
    return cat("choose it with --dataset ", first.dataset,
               first.custom ? "" : cat(" --split-by ", first.split_by));
  }
  if (datasets.size() > 1) options += cat(" --dataset ", first.dataset);
  if (partitions.size() > 1 && !first.custom) options += cat(" --split-by ", first.split_by);
  if (options.empty()) options = cat(" --root ", first.file.parent_path().string());
  return cat("choose with --dataset and --split-by, e.g.", options);
}

/// Those of the names that the options give.
std::vector<Candidate> fitting_names(const config::DataOptions& options,
                                     const std::vector<Candidate>& all) {
  std::vector<Candidate> fitting;
  for (const auto& c : all) {
    if (!options.dataset.empty() && c.dataset != options.dataset) continue;
    if (!options.split_by.empty() && c.split_by != options.split_by) continue;
    fitting.push_back(c);
  }
  return fitting;
}

Candidate choose(const config::DataOptions& options, const fs::path& root) {
  const auto all = all_annotations(root);
  if (all.empty()) no_annotations(root);
  const auto fitting = fitting_names(options, all);
  if (fitting.empty()) {
    const auto asked = [](const char* what, const std::string& value, const char* keys) {
      return value.empty() ? std::string() : cat(what, "\"", value, "\" (", keys, ")");
    };
    throw Error(cat("no dataset", asked(" ", options.dataset, "data.dataset, --dataset"),
                    asked(" with partition ", options.split_by, "data.split_by, --split-by"),
                    " under ", root.string(), ", which has: ", names_of(all), "; ",
                    how_to_choose(all)));
  }
  if (fitting.size() > 1) {
    throw Error(cat("several datasets under ", root.string(), ": ", names_of(fitting), "; ",
                    how_to_choose(fitting)));
  }
  return fitting.front();
}

/// The pictures: in the root given, or in the folder that holds `refer` or the dataset's folder.
fs::path find_images(const config::DataOptions& options, const Candidate& chosen,
                     const fs::path& root, Pictures pictures) {
  if (!options.images.empty()) {
    if (!fs::is_directory(options.images)) {
      throw Error(cat("no folder ", options.images, " (data.images)"));
    }
    return options.images;
  }
  fs::path own = chosen.file.parent_path();
  if (chosen.custom) return own;
  std::vector<fs::path> anchors = {root, own, whole(own).parent_path()};
  if (anchors.back().filename() == "refer") anchors.push_back(anchors.back().parent_path());
  for (const auto& anchor : anchors) {
    for (const char* place : kPicturePlaces) {
      if (fs::is_directory(anchor / place)) return anchor / place;
    }
  }
  if (pictures == Pictures::kUnused) return {};
  throw Error(cat("no folder train2014 with the images of ", name_of(chosen), " in ",
                  anchors.back().string(), ": unpack COCO's train2014.zip there, so that ",
                  (anchors.back() / "train2014").string(),
                  "/COCO_train2014_<number>.jpg are the images, or name their folder with "
                  "--images"));
}

/// A side file: the named one, which must exist, or the one beside the annotations, if any.
fs::path side_file(const std::string& named, const fs::path& beside, const char* key) {
  if (!named.empty()) {
    if (!fs::exists(named)) throw Error(cat("no file ", named, " (data.", key, ")"));
    return named;
  }
  return fs::exists(beside) ? beside : fs::path{};
}

}  // namespace

DatasetFiles locate_dataset(const config::DataOptions& options, Pictures pictures) {
  if (options.root.empty()) throw core::UsageError("no dataset folder: give --root or data.root");
  const fs::path root = options.root;
  if (!fs::is_directory(root)) {
    throw Error(cat("no dataset folder ", fs::absolute(root).lexically_normal().string(),
                    ": give another with --root"));
  }
  const Candidate chosen = choose(options, root);
  const fs::path folder = chosen.file.parent_path();
  DatasetFiles files;
  files.dataset = chosen.dataset;
  files.split_by = chosen.split_by;
  files.annotations = chosen.file;
  if (!chosen.custom) {
    files.instances = folder / "instances.json";
    if (!fs::exists(files.instances)) {
      throw Error(cat("no file ", files.instances.string(), ": it comes in the same archive as ",
                      chosen.file.filename().string(), " (", chosen.dataset,
                      ".zip) and must lie beside it"));
    }
  }
  files.images = find_images(options, chosen, root, pictures);
  if (options.cues != config::kCuesByRules) {
    files.cues = side_file(options.cues, folder / "cues.jsonl", "cues");
  }
  files.proposals = side_file(options.proposals, folder / "proposals.jsonl", "proposals");
  files.captions = side_file({}, folder / "captions.jsonl", "captions");
  files.apply_exif = turns_pictures(options, chosen.custom);
  return files;
}

bool turns_pictures(const config::DataOptions& options, bool custom) {
  return options.exif == "auto" ? custom : options.exif == "turned";
}

bool has_dataset(const config::DataOptions& options) {
  return !options.root.empty() && !fitting_names(options, all_annotations(options.root)).empty();
}

bool are_same_dataset(const config::DataOptions& one, const config::DataOptions& other) {
  const auto annotations = [](const config::DataOptions& options) {
    if (options.root.empty()) return fs::path{};
    const auto fitting = fitting_names(options, all_annotations(options.root));
    return fitting.size() == 1 ? fs::weakly_canonical(fitting.front().file) : fs::path{};
  };
  const fs::path first = annotations(one);
  return !first.empty() && first == annotations(other);
}

std::string describe(const DatasetFiles& files) {
  const auto line = [](const char* what, const fs::path& path) {
    return cat(what, path.empty() ? "none" : path.string(), "\n");
  };
  std::string text = cat("dataset     ", files.dataset,
                         files.split_by.empty() ? "" : cat(", partition ", files.split_by), "\n");
  if (!files.pack.empty()) return text + line("pack        ", files.pack);
  text += line(files.is_custom() ? "sentences   " : "references  ", files.annotations);
  if (!files.is_custom()) text += line("objects     ", files.instances);
  return text + line("images      ", files.images) + line("cues        ", files.cues) +
         line("proposals   ", files.proposals) + line("captions    ", files.captions);
}

}  // namespace pcnet::data
