#include "pcnet/synth/benchmark.h"

#include <algorithm>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/format.h"
#include "pcnet/core/parallel.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/synth/manifest.h"
#include "pcnet/synth/recipe.h"
#include "pcnet/synth/sample.h"
#include "pcnet/synth/writer.h"

namespace pcnet::synth {

namespace fs = std::filesystem;

namespace {

constexpr std::array<const char*, 4> kSplits = {"train", "val", "testA", "testB"};
constexpr std::int64_t kAtOnce = 256;  // pictures held in memory

Recipe recipe_of(const Options& options) {
  return recipe_for(options.difficulty, language_of(options.language));
}

void check(const Options& options) {
  split_sizes(options.images);
  recipe_of(options);
  const bool plain = std::all_of(options.dataset.begin(), options.dataset.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '_';
  });
  if (!plain || options.dataset.empty() || options.dataset == "images") {
    throw core::UsageError(core::cat("the dataset's name is '", options.dataset,
                                     "': use letters, digits, + - _ (and not 'images')"));
  }
}

// What the benchmark needs on disk: the pictures are not compressed.
std::uint64_t needed_bytes(const Options& options) {
  const Recipe recipe = recipe_of(options);
  const auto pixels =
      static_cast<std::uint64_t>(recipe.side) * static_cast<std::uint64_t>(recipe.side);
  constexpr std::uint64_t kTextBytes = 12000;  // annotations of one picture, rounded up
  return static_cast<std::uint64_t>(options.images) * (pixels * 3 + kTextBytes);
}

const char* split_of(std::int64_t index, const std::array<std::int64_t, 4>& sizes) {
  std::size_t split = 0;
  while (index >= sizes[split]) index -= sizes[split++];
  return kSplits[split];
}

Summary generate(const fs::path& folder, const Options& options) {
  const auto sizes = split_sizes(options.images);
  const Recipe recipe = recipe_of(options);
  const Recipe recipe_b = test_b(recipe);
  const std::int64_t b_from = options.images - sizes[3];
  const int threads = core::usable_threads(options.threads);
  const fs::path pictures = folder / kPictureFolder;
  core::ensure_writable_folder(pictures);
  core::ensure_writable_folder(folder / options.dataset);
  Writer writer(options);
  core::Progress progress("writing images", options.images, "images");
  for (std::int64_t from = 0; from < options.images; from += kAtOnce) {
    std::vector<Sample> samples(static_cast<std::size_t>(std::min(kAtOnce, options.images - from)));
    core::parallel_for(static_cast<std::int64_t>(samples.size()), threads, [&](std::int64_t i) {
      core::throw_if_stopped("nothing was left behind");
      Sample& sample = samples[static_cast<std::size_t>(i)];
      sample = make_sample(from + i >= b_from ? recipe_b : recipe, options.seed, from + i);
      const std::string file = image::encode_png_stored(sample.picture);
      core::write_file_plain(pictures / picture_name(from + i + 1), file);
      sample.picture_digest = data::digest_of(file);
      sample.picture = {};
    });
    for (std::size_t i = 0; i < samples.size(); ++i) {
      writer.append(samples[i], split_of(from + static_cast<std::int64_t>(i), sizes));
    }
    progress.update(from + static_cast<std::int64_t>(samples.size()));
  }
  progress.finish();
  return writer.write(folder / options.dataset);
}

}  // namespace

bool is_long(const Options& options) { return language_of(options.language) == Language::kLong; }

std::array<std::int64_t, 4> split_sizes(std::int64_t images) {
  if (images < 4) {
    throw core::UsageError(
        core::cat("a benchmark of ", images, " images: at least 4 are needed, one for each split"));
  }
  const std::int64_t part = std::max<std::int64_t>(1, images / 15);
  return {images - 3 * part, part, part, part};
}

Summary write_benchmark(const fs::path& folder, const Options& options) {
  check(options);
  const fs::path target = core::folder_target(folder);
  Summary summary;
  if (!is_free(target, options, summary)) return summary;
  core::require_free_bytes(target, needed_bytes(options));
  core::ensure_writable_folder(target.parent_path());
  core::AtomicFolder out(target);
  summary = generate(out.path(), options);
  core::throw_if_stopped("nothing was left behind");
  out.commit();
  return summary;
}

}  // namespace pcnet::synth
