#include "pcnet/runtime/packing.h"

#include <optional>
#include <string>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"
#include "pcnet/core/output_path.h"
#include "pcnet/core/parallel.h"
#include "pcnet/core/signals.h"
#include "pcnet/image/picture.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/text/word_tokenizer.h"

#include "stage_bars.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using core::Error;

namespace {

/// As training makes it when it starts from nothing.
std::unique_ptr<const text::Tokenizer> tokenizer_of(const config::Config& config,
                                                    data::Dataset& dataset) {
  const auto& options = config.model.clip.text;
  if (options.tokenizer == "bpe") return make_tokenizer(options, {});
  return make_tokenizer(options, text::WordTokenizer::from_texts(dataset.training_texts()).words());
}

/// By area, as packs hold it; losses that want nearest neighbours make theirs from the proposals.
data::GridStore::Options grid_of(const config::Config& config) {
  data::GridStore::Options grid = loss_grid(config);
  grid.nearest = false;
  return grid;
}

data::Tell bars(StageBars& stages, const char* stopped) {
  return [&stages, stopped](const std::string& what, std::int64_t done, std::int64_t total) {
    core::throw_if_stopped(stopped);
    stages.update(what, done, total);
  };
}

/// A whole pack that is still right, left as it is; none when there is nothing under that name, or
/// what is there may be replaced.
std::optional<Packing> find_whole(data::Dataset& dataset, const data::PackKey& key,
                                  const fs::path& out, bool replace, int threads,
                                  const data::Tell& tell) {
  if (fs::is_directory(out)) throw Error(cat(out.string(), " is a folder, wanted a file's name"));
  if (!fs::exists(out)) return std::nullopt;
  if (!data::is_pack(out)) {
    throw Error(cat(out.string(), " is there and is no pack: choose another --out"));
  }
  std::string reasons;
  try {
    const data::Pack pack(out);
    reasons = core::join(data::stale_reasons(pack, key, dataset, threads, tell), "; ");
    if (reasons.empty()) {
      return Packing{.key = key, .summary = data::summary_of(pack), .already_there = true};
    }
  } catch (const core::Interrupted&) {
    throw;
  } catch (const Error& damage) {
    reasons = damage.what();
  }
  if (replace) return std::nullopt;
  throw Error(cat(out.string(), " holds another pack (", reasons,
                  "): --replace makes it again, or choose another --out"));
}

void announce(const data::Dataset& dataset, const config::Config& config, const fs::path& out) {
  const std::uint64_t pictures = data::picture_bytes(dataset.index(), config.data.image_size);
  fs::path partial = out;
  partial += ".partial";
  std::error_code none;
  const auto there = fs::file_size(partial, none);
  const std::uint64_t needed = pictures + pictures / 20;  // what is said about them takes less
  if (none || there < needed) core::require_free_bytes(out, none ? needed : needed - there);
  core::log::info(cat("packing ", dataset.index().images().size(), " images at ",
                      config.data.image_size, " x ", config.data.image_size, " into ", out.string(),
                      ": about ", core::human_bytes(pictures)));
}

}  // namespace

config::Config default_config(const std::vector<std::string>& overrides) {
  config::Config plain = config::load_defaults(overrides).values;
  if (plain.data.pack.empty()) return plain;
  std::vector<std::string> all = data::settings_of(data::Pack(plain.data.pack).key());
  all.insert(all.end(), overrides.begin(), overrides.end());
  return config::load_defaults(all).values;
}

Packing pack_dataset(const config::Config& config, const fs::path& target, bool replace,
                     distributed::Team* processes) {
  const auto team = distributed::communicator_for(processes, c10::kCPU);
  if (target.empty()) throw core::UsageError("--out is empty: wanted the name of a file");
  if (!config.data.pack.empty()) {
    throw core::UsageError(cat("data.pack is ", config.data.pack,
                               ": a pack is made from a dataset's own files, not from a pack"));
  }
  if (config.data.cues == config::kCuesByRules) {
    throw core::UsageError(
        "data.cues is rules: a pack keeps the cues of a file, make one with `pcnet cues make`");
  }
  const fs::path out = core::follow_links(target);
  core::require_regular_file(out);  // known before the work
  config::DataOptions options = config.data;
  options.cache = "none";  // every picture is read once
  data::Dataset dataset(options);
  const auto tokenizer = tokenizer_of(config, dataset);
  const auto key = data::make_pack_key(dataset.files(), options, *tokenizer, grid_of(config));
  const int threads = core::usable_threads(static_cast<int>(config.run.threads));
  StageBars looks("comparing");
  std::optional<Packing> whole;
  if (team->leads()) {
    whole = find_whole(dataset, key, out, replace, threads,
                       bars(looks, "comparing was stopped: nothing was written"));
  }
  if (team->any(whole.has_value()))
    return whole.value_or(Packing{.key = key, .already_there = true});
  if (team->leads()) {
    core::ensure_writable_folder(out.has_parent_path() ? out.parent_path() : fs::path("."));
    announce(dataset, config, out);
  }
  core::Lap lap;
  StageBars stages("packing");
  Packing packing{.key = key};
  packing.summary = data::write_pack(
      dataset, *tokenizer, key,
      {.out = out,
       .grid = grid_of(config),
       .threads = threads,
       .tell = bars(stages, "packing was stopped: the same command goes on from there"),
       .team = team});
  packing.seconds = lap.take();
  text::report(packing.summary.omissions, "distinct texts", options.text_length);
  dataset.pictures().report_skipped(team.get());
  return packing;
}

namespace {

void add_finding(DatasetCheck& check, const std::string& kind, bool is_fault,
                 const std::string& advice, std::vector<data::Fault> items) {
  if (!items.empty()) check.findings.push_back({kind, is_fault, advice, std::move(items)});
}

}  // namespace

DatasetCheck check_pack(const config::Config& config) {
  const data::Pack pack(config.data.pack);
  DatasetCheck check;
  check.files.dataset = pack.key().dataset;
  check.files.split_by = pack.key().split_by;
  check.files.pack = pack.path();
  const data::PackSummary holds = data::summary_of(pack);
  check.pictures = holds.pictures;
  check.objects = holds.objects;
  check.references = holds.references;
  check.sentences = holds.sentences;

  std::vector<data::Fault> stale;
  for (const auto& reason : data::stale_settings(pack.key(), config.data)) {
    stale.push_back({"stale pack", "settings", reason});
  }
  std::optional<data::Dataset> dataset;
  if (!config.data.root.empty()) {
    config::DataOptions options = config.data;
    options.pack.clear();
    if (options.cues == config::kCuesByRules) options.cues.clear();  // compared are those of files
    options.cache = "none";
    options.image_size = pack.key().image_size;
    dataset.emplace(options);
    for (const auto& reason : data::stale_sources(pack.key(), dataset->files())) {
      stale.push_back({"stale pack", "files", reason});
    }
  }
  StageBars stages("checking");
  const auto tell = bars(stages, "the check was stopped");
  std::vector<data::Fault> damaged;
  std::vector<data::Fault> unreadable;
  std::vector<data::Fault> changed;
  for (std::int64_t done = 0; const auto& image : pack.index().images()) {
    tell("images", done++, check.pictures);
    const std::string where = cat("image_id ", image.image_id);
    try {
      pack.verify(image.image_id);
    } catch (const Error& error) {
      damaged.push_back({"damaged", where, error.what()});
      continue;
    }
    if (!pack.has_picture(image.image_id)) {
      unreadable.push_back({"unreadable", where, cat(image.file_name, " could not be read")});
    }
    if (!dataset || !stale.empty()) continue;
    if (auto fault = data::changed_picture(pack, *dataset, image.image_id)) {
      changed.push_back({"image changed", where, cat(image.file_name, ": ", *fault)});
    }
  }
  tell("images", check.pictures, check.pictures);
  const std::string again = "make the pack again with `pcnet data pack --replace`";
  add_finding(check, "stale pack", true, again, std::move(stale));
  add_finding(check, "damaged image or proposals", true, again, std::move(damaged));
  add_finding(check, "image changed since it was packed", true, again, std::move(changed));
  add_finding(check, "image that could not be packed", false,
              "mend the image and make the pack again", std::move(unreadable));
  return check;
}

}  // namespace pcnet::runtime
