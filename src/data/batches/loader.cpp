#include "pcnet/data/batches/loader.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"

namespace pcnet::data {

Loader::Loader(Samples& samples, const Options& options)
    : samples_(samples),
      options_(options),
      sampler_(samples.size(), options.batch_size, options.seed,
               samples.clash_groups(options.negatives)),
      step_(options.first),
      taken_(options.first) {
  if (const std::int64_t clashes = sampler_.unavoidable_clashes(); clashes > 0) {
    core::log::warning(core::cat(clashes, " of ", samples.size(),
                                 " samples share a batch with another one that data.negatives (",
                                 options.negatives.word(),
                                 ") keeps apart: there are more of them than batches an epoch"));
  }
  if (options_.prefetch == 0) return;
  for (std::int64_t i = 0; i < options_.workers; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

Loader::~Loader() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

Batch Loader::make(std::int64_t step) {
  std::vector<std::size_t> samples;
  {
    const std::lock_guard lock(sampler_mutex_);
    samples = sampler_.samples_of(step);
  }
  return samples_.batch(samples, options_.seed, static_cast<std::uint64_t>(sampler_.epoch_of(step)),
                        {.pinned = options_.pinned,
                         .rank = options_.team ? options_.team->rank() : 0,
                         .processes = options_.team ? options_.team->size() : 1});
}

Batch Loader::next() {
  Batch batch = take();
  const bool shared = options_.team && !options_.team->is_alone();
  return shared ? agreed(std::move(batch), options_.team) : batch;
}

Batch Loader::take() {
  if (step_ >= options_.last) throw core::Error("the loader has no further batch");
  if (threads_.empty()) {
    Batch batch = make(step_);
    ++step_;
    return batch;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_.contains(step_); });
  auto& made = ready_.at(step_);
  if (const auto* failure = std::get_if<std::exception_ptr>(&made))
    std::rethrow_exception(*failure);
  Batch batch = std::move(std::get<Batch>(made));
  ready_.erase(step_);
  ++step_;
  changed_.notify_all();
  return batch;
}

std::int64_t Loader::take_step(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto has_room = [this] {
    return taken_ >= options_.last || taken_ < step_ + options_.prefetch;
  };
  if (!changed_.wait(lock, stop, has_room)) return -1;
  return taken_ < options_.last ? taken_++ : -1;
}

void Loader::put(std::int64_t step, std::variant<Batch, std::exception_ptr> made) {
  const std::lock_guard lock(mutex_);
  if (std::holds_alternative<std::exception_ptr>(made)) taken_ = options_.last;  // nobody gets past
  ready_.emplace(step, std::move(made));
  changed_.notify_all();
}

void Loader::run(const std::stop_token& stop) {
  for (;;) {
    const std::int64_t step = take_step(stop);
    if (step < 0 || stop.stop_requested()) return;
    try {
      put(step, make(step));
    } catch (...) {
      put(step, std::current_exception());
    }
  }
}

}  // namespace pcnet::data
