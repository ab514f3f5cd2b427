#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "pcnet/core/device.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/data/batches/loader.h"
#include "pcnet/runtime/benchmark.h"
#include "pcnet/runtime/dataset_opening.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/text/word_tokenizer.h"

namespace pcnet::runtime {

using nlohmann::ordered_json;

namespace {

/// The samples of a configuration, with everything that keeps them alive.
struct Feed {
  Feed(const config::Config& config, const config::DataOptions& options)
      : dataset(open_dataset(options)), opening(lap.take()) {
    const auto& text = config.model.clip.text;
    std::vector<std::string> words;
    if (text.tokenizer != "bpe") {
      words = text::WordTokenizer::from_texts(dataset.training_texts()).words();
    }
    tokenizer = dataset.with_ready_tokens(make_tokenizer(text, words));
    if (config.train.objective == "contrastive") {
      samples = std::make_unique<data::ContrastiveSamples>(
          dataset, *tokenizer, config.train.contrastive, config.loss.contrastive.mirrored > 0);
      return;
    }
    texts.cues = dataset.has_cues() ? options.cues_per_sentence : 0;
    texts.partners = options.partners;
    samples = std::make_unique<data::ReferringSamples>(dataset, *tokenizer, texts);
  }

  core::Lap lap;
  data::Dataset dataset;
  double opening;  // seconds
  std::unique_ptr<const text::Tokenizer> tokenizer;
  data::ReferringSamples::Options texts;
  std::unique_ptr<data::Samples> samples;
};

data::Loader::Options loader_options(const config::Config& config, std::int64_t batches,
                                     const std::shared_ptr<core::Communicator>& team) {
  return {.batch_size = config.train.batch_size,
          .seed = static_cast<std::uint64_t>(config.run.seed),
          .first = 0,
          .last = batches,
          .prefetch = config.data.prefetch,
          .workers = config.data.workers,
          .pinned = core::parse_device(config.run.device).is_cuda(),
          .negatives = config.data.negatives,
          .team = team};
}

/// One pass over the first batches.
ordered_json pass(Feed& feed, const data::Loader::Options& options, const char* name,
                  std::set<std::int64_t>& pictures) {
  core::Progress progress(std::string("bench load, ") + name, options.last, "batches");
  std::int64_t images = 0;
  const auto start = std::chrono::steady_clock::now();
  data::Loader loader(*feed.samples, options);
  for (std::int64_t step = 0; step < options.last; ++step) {
    core::throw_if_stopped("bench stopped");
    const data::Batch batch = loader.next();
    images += batch.size();
    for (std::int64_t i = 0; i < batch.image_ids.size(0); ++i) {
      pictures.insert(batch.image_ids[i].item<std::int64_t>());
    }
    progress.update(step + 1);
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  progress.finish();
  return {{"images", images},
          {"seconds", spent.count()},
          {"images_per_second", static_cast<double>(images) / spent.count()}};
}

/// Where the time goes on one thread, when each picture is read.
ordered_json parts(const config::Config& config, const data::Loader::Options& options) {
  config::DataOptions uncached = config.data;
  uncached.cache = "none";
  Feed feed(config, uncached);
  data::EpochSampler sampler(feed.samples->size(), options.batch_size, options.seed);
  data::BatchTimes times;
  std::int64_t images = 0;
  for (std::int64_t step = 0; step < std::min<std::int64_t>(options.last, 20); ++step) {
    core::throw_if_stopped("bench stopped");
    const auto samples = sampler.samples_of(step);
    const auto epoch = static_cast<std::uint64_t>(sampler.epoch_of(step));
    images += feed.samples->batch(samples, options.seed, epoch, {.times = &times}).images.size(0);
  }
  const auto each = [&](double seconds) { return 1e3 * seconds / static_cast<double>(images); };
  return {{"decode", each(times.pictures.decode)},
          {"resize", each(times.pictures.resize)},
          {"texts", each(times.texts)},
          {"collate", each(times.collate)}};
}

}  // namespace

ordered_json bench_load(const config::Config& config, const LoadBenchOptions& options,
                        distributed::Team* processes) {
  const auto team = distributed::communicator_for(processes, c10::kCPU);
  core::set_threads(static_cast<int>(config.run.threads));
  Feed feed(config, config.data);
  data::EpochSampler sampler(feed.samples->size(), config.train.batch_size, 0);
  const std::int64_t batches = options.batches > 0 ? options.batches : sampler.steps_per_epoch();
  const auto loading = loader_options(config, batches, team);
  std::set<std::int64_t> pictures;
  const ordered_json cold = pass(feed, loading, "cold", pictures);
  const ordered_json warm = pass(feed, loading, "warm", pictures);
  feed.dataset.pictures().report_skipped(team.get());
  return {{"bench", "load"},
          {"objective", config.train.objective.word()},
          {"source", config.data.pack.empty() ? "files" : "pack"},
          {"processes", team->size()},
          {"open_seconds", feed.opening},
          {"batch_size", std::min(config.train.batch_size, feed.samples->size())},
          {"image_size", config.data.image_size},
          {"batches", batches},
          {"pictures", pictures.size()},
          {"cues_per_sentence", feed.texts.cues},
          {"partners", feed.texts.partners},
          {"negatives", config.data.negatives.word()},
          {"cache", config.data.cache.word()},
          {"workers", config.data.workers},
          {"prefetch", config.data.prefetch},
          {"cold", cold},
          {"warm", warm},
          {"milliseconds_per_image", parts(config, loading)},
          {"threads", at::get_num_threads()},
          {"peak_memory_bytes", core::peak_resident_bytes()}};
}

}  // namespace pcnet::runtime
