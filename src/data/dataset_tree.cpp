#include "pcnet/data/dataset_tree.h"

#include <algorithm>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;
using core::Error;

namespace {

struct Candidate {
  fs::path refs;
  std::string dataset;
  std::string split_by;
};

/// The folder's own name, also when it was given as "refcoco/" or ".".
std::string name_of(const fs::path& folder) {
  const fs::path whole = fs::absolute(folder).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

/// `refs(<splitBy>).p` files in a folder.
std::vector<Candidate> annotations_in(const fs::path& folder) {
  std::vector<Candidate> found;
  std::error_code ignored;  // an unreadable folder holds nothing for us; the caller reports
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("refs(") || !name.ends_with(").p")) continue;
    found.push_back({entry.path(), name_of(folder), name.substr(5, name.size() - 8)});
  }
  return found;
}

std::vector<Candidate> all_annotations(const fs::path& root) {
  std::vector<Candidate> found = annotations_in(root);
  for (const fs::path& parent : {root / "refer", root}) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(parent, ignored)) {
      if (!entry.is_directory(ignored)) continue;
      const auto inside = annotations_in(entry.path());
      found.insert(found.end(), inside.begin(), inside.end());
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Candidate& a, const Candidate& b) { return a.refs < b.refs; });
  return found;
}

std::string names_of(const std::vector<Candidate>& candidates) {
  std::vector<std::string> names;
  for (const auto& c : candidates) names.push_back(cat(c.dataset, " (", c.split_by, ")"));
  return core::join(names, ", ");
}

Candidate choose(const config::DataOptions& options, const fs::path& root) {
  const auto all = all_annotations(root);
  if (all.empty()) {
    throw Error(cat("no dataset under ", root.string(), ": looked for refs(<splitBy>).p in ",
                    (root / "<dataset>").string(), " and ", (root / "refer/<dataset>").string()));
  }
  std::vector<Candidate> fitting;
  for (const auto& c : all) {
    if (!options.dataset.empty() && c.dataset != options.dataset) continue;
    if (!options.split_by.empty() && c.split_by != options.split_by) continue;
    fitting.push_back(c);
  }
  if (fitting.empty()) {
    throw Error(cat("no dataset \"", options.dataset, "\" with partition \"", options.split_by,
                    "\" under ", root.string(), "; there is: ", names_of(all)));
  }
  if (fitting.size() > 1) {
    throw Error(cat("several datasets under ", root.string(), ": ", names_of(fitting),
                    "; choose with --dataset and --split-by"));
  }
  return fitting.front();
}

fs::path find_images(const config::DataOptions& options, const fs::path& root) {
  if (!options.images.empty()) {
    if (!fs::is_directory(options.images)) {
      throw Error(cat("no folder ", options.images, " (data.images)"));
    }
    return options.images;
  }
  for (const char* place : {"train2014", "images/train2014", "images/mscoco/images/train2014"}) {
    if (fs::is_directory(root / place)) return root / place;
  }
  throw Error(cat("no folder train2014 with the pictures under ", root.string(),
                  ": give it with --images"));
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

DatasetFiles locate_dataset(const config::DataOptions& options) {
  if (options.root.empty()) throw core::UsageError("no dataset folder: give --root or data.root");
  const fs::path root = options.root;
  if (!fs::is_directory(root)) {
    throw Error(cat("no dataset folder ", fs::absolute(root).lexically_normal().string(),
                    ": give another with --root"));
  }
  const Candidate chosen = choose(options, root);
  const fs::path folder = chosen.refs.parent_path();
  DatasetFiles files;
  files.dataset = chosen.dataset;
  files.split_by = chosen.split_by;
  files.refs = chosen.refs;
  files.instances = folder / "instances.json";
  if (!fs::exists(files.instances)) {
    throw Error(cat("no file ", files.instances.string(), " beside the annotations"));
  }
  files.images = find_images(options, root);
  files.cues = side_file(options.cues, folder / "cues.jsonl", "cues");
  files.proposals = side_file(options.proposals, folder / "proposals.jsonl", "proposals");
  files.captions = side_file({}, folder / "captions.jsonl", "captions");
  return files;
}

}  // namespace pcnet::data
