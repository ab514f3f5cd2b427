#include "pcnet/engine/whole_checkpoint.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/kept_file.h"
#include "pcnet/core/log.h"

namespace pcnet::engine {

namespace fs = std::filesystem;
using core::cat;
using core::Error;

namespace {

/// Why a file cannot be loaded; empty when it was.
std::string try_to_load(const fs::path& path, Checkpoint& into) {
  if (!fs::exists(path)) return cat(path.string(), " is missing");
  try {
    into = load_checkpoint(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

std::optional<WholeCheckpoint> load_newest_checkpoint(const RunFolder& folder) {
  if (!fs::exists(folder.last()) && !fs::exists(folder.previous())) return std::nullopt;
  WholeCheckpoint found;
  found.path = folder.last();
  const std::string damage = try_to_load(folder.last(), found.checkpoint);
  if (damage.empty()) return found;
  found.path = folder.previous();
  const std::string older = try_to_load(folder.previous(), found.checkpoint);
  if (!older.empty()) {
    throw Error(cat(
        "no checkpoint of the run ", folder.path().string(), " is whole (", damage, "; ", older,
        "): nothing was changed; put a copy of one back, or start a new ", "run with --run",
        fs::exists(folder.best())
            ? cat(", from the best weights with --set model.clip.weights=", folder.best().string())
            : ""));
  }
  found.damage = damage;
  core::log::warning(cat("THE NEWEST CHECKPOINT CANNOT BE USED: ", damage, "; going on from ",
                         found.path.string(), ", step ", found.checkpoint.state.step));
  return found;
}

void put_previous_first(const RunFolder& folder) {
  core::KeptFile damaged(folder.last(), folder.last().parent_path() / "damaged.safetensors");
  damaged.commit();
  core::KeptFile whole(folder.previous(), folder.last());
  whole.commit();
}

bool has_whole_best(const RunFolder& folder) {
  if (!fs::exists(folder.best())) return false;
  try {
    (void)load_checkpoint(folder.best());
  } catch (const Error& error) {
    core::log::warning(cat("the best checkpoint cannot be used: ", error.what(),
                           "; the best of the steps to come is kept in its place"));
    return false;
  }
  return true;
}

}  // namespace pcnet::engine
