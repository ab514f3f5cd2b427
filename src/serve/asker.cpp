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

Asker::Answer Asker::ask(engine::Query query, model::Seen seen, Deadline deadline) {
  auto job = std::make_unique<Job>(Job{std::move(query), std::move(seen), deadline, {}});
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

model::Seen Asker::seen_together(const Batch& batch) {
  model::Seen together;
  for (std::size_t part = 0; part < batch.front()->seen.size(); ++part) {
    std::vector<at::Tensor> rows;
    for (const auto& job : batch) rows.push_back(job->seen.at(part));
    together.push_back(rows.size() == 1 ? rows.front().unsqueeze(/*dim=*/0) : at::stack(rows));
  }
  return together;
}

void Asker::answer_together(Batch& batch) {
  std::vector<at::Tensor> pictures;
  for (const auto& job : batch) {
    if (job->seen.empty()) pictures.push_back(job->query.picture);
  }
  const model::Seen encoded = pictures.empty() ? model::Seen() : responder_.look(pictures);
  figures_.encoded(static_cast<std::int64_t>(pictures.size()));
  std::int64_t next = 0;
  std::vector<engine::Query> queries;
  for (const auto& job : batch) {
    queries.push_back(job->query);
    if (!job->seen.empty()) continue;
    model::Seen own;
    for (const auto& part : encoded) own.push_back(part[next].clone());
    job->seen = std::move(own);
    ++next;
  }
  auto cosines = responder_.cosines(seen_together(batch), queries);
  figures_.asked(static_cast<std::int64_t>(batch.size()));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i]->answer.set_value({std::move(batch[i]->seen), std::move(cosines[i])});
  }
}

}  // namespace pcnet::serve
