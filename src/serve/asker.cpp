#include "pcnet/serve/asker.h"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "pcnet/serve/call.h"

namespace pcnet::serve {

namespace {

constexpr std::int64_t kMostTexts = 64;  // of a batch

HttpError late() {
  return {503, "too many ask at once: the time for an answer has passed; try again"};
}

}  // namespace

Asker::Asker(const engine::ModelResponder& responder, std::int64_t most_images, Figures& figures)
    : responder_(responder),
      most_images_(most_images),
      figures_(figures),
      thread_([this] { work(); }) {}

Asker::~Asker() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Asker::Answer Asker::ask(engine::Query query, at::Tensor visual, Deadline deadline) {
  auto job = std::make_unique<Job>(Job{std::move(query), std::move(visual), deadline, {}});
  auto answer = job->answer.get_future();
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  changed_.notify_one();
  if (answer.wait_until(deadline) != std::future_status::ready) {
    throw late();
  }
  return answer.get();
}

void Asker::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
    if (ended_) return;
    Batch batch = take();
    lock.unlock();
    if (!batch.empty()) answer(std::move(batch));
    lock.lock();
  }
}

/// Of what waits, first come first served; what nobody waits for any more goes.
Asker::Batch Asker::take() {
  Batch batch;
  std::int64_t texts = 0;
  const auto now = std::chrono::steady_clock::now();
  while (!waiting_.empty() && static_cast<std::int64_t>(batch.size()) < most_images_) {
    Job& next = *waiting_.front();
    if (next.deadline < now) {
      next.answer.set_exception(std::make_exception_ptr(late()));
      waiting_.pop_front();
      continue;
    }
    texts += static_cast<std::int64_t>(next.query.texts.size());
    if (texts > kMostTexts && !batch.empty()) break;
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

void Asker::answer(Batch batch) {
  try {
    answer_together(batch);
  } catch (...) {
    if (batch.size() == 1) return batch.front()->answer.set_exception(std::current_exception());
    for (auto& job : batch) {
      Batch alone;
      alone.push_back(std::move(job));
      answer(std::move(alone));
    }
  }
}

void Asker::answer_together(Batch& batch) {
  std::vector<at::Tensor> pictures;
  for (const auto& job : batch) {
    if (!job->visual.defined()) pictures.push_back(job->query.picture);
  }
  const at::Tensor encoded = pictures.empty() ? at::Tensor() : responder_.encode(pictures);
  std::int64_t next = 0;
  std::vector<at::Tensor> visual;
  std::vector<engine::Query> queries;
  for (const auto& job : batch) {
    visual.push_back(job->visual.defined() ? job->visual : encoded[next++].clone());
    queries.push_back(job->query);
  }
  auto cosines = responder_.cosines(at::stack(visual), queries);
  figures_.asked(static_cast<std::int64_t>(batch.size()), next);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i]->answer.set_value({std::move(visual[i]), std::move(cosines[i])});
  }
}

}  // namespace pcnet::serve
