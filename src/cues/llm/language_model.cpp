#include "pcnet/cues/llm/language_model.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/signals.h"
#include "pcnet/cues/rules.h"

#include "answer_file.h"

namespace pcnet::cues {

using core::cat;

namespace {

constexpr double kProgressEvery = 0.2;  // seconds between looks at signals and the progress
constexpr double kSecondsAtStop = 1;    // for the answers under way at Ctrl-C
constexpr double kSyncSeconds = 10;     // what a power cut may lose

nlohmann::ordered_json settings_of(const ChatEndpoint& endpoint, const Prompt& prompt,
                                   std::size_t count) {
  return {{"prompt", prompt.ask("{sentence}", count)}, {"request", endpoint.settings()}};
}

}  // namespace

bool can_ask_language_models() { return true; }
void require_language_models() {}

class LanguageModel::Work {
 public:
  explicit Work(const LanguageModelOptions& options)
      : options_(options),
        endpoint_(options.endpoint),
        file_(options.answers, settings_of(endpoint_, options.prompt, options.judgement.most)) {
    if (!file_.empty()) endpoint_.note_earlier_answers();
  }

  std::int64_t open_questions(const std::vector<std::string>& expressions) const {
    return std::count_if(expressions.begin(), expressions.end(),
                         [&](const auto& expression) { return !settle(expression); });
  }

  std::vector<Decomposition> decompose(const std::vector<std::string>& expressions,
                                       const Tell& tell) {
    core::Lap watch;
    expressions_ = expressions;
    results_.assign(expressions.size(), {});
    tally_ = {.expressions = static_cast<std::int64_t>(expressions.size())};
    std::vector<std::size_t> open;
    for (std::size_t id = 0; id < expressions.size(); ++id) {
      if (!finish_if_settled(id)) open.push_back(id);
    }
    done_ = tally_.known = tally_.expressions - static_cast<std::int64_t>(open.size());
    tell(done_, {});
    ask_all(open, tell);
    file_.sync();
    tally_.traffic = endpoint_.traffic();
    tally_.seconds = watch.take();
    return std::move(results_);
  }

  const Tally& tally() const { return tally_; }
  const std::string& model() const { return endpoint_.model(); }

 private:
  void ask_all(const std::vector<std::size_t>& open, const Tell& tell) {
    core::Lap watch;
    double unsynced = 0;
    std::size_t next = 0;
    while (next < open.size() || endpoint_.open() > 0) {
      if (core::stop_signal() != 0) stop();
      // Few enough wait in the endpoint that their texts take no room.
      while (next < open.size() && endpoint_.open() < 2 * options_.endpoint.concurrency) {
        ask(open[next++]);
      }
      for (const Reply& reply : replies()) receive(reply);
      unsynced += watch.take();
      if (unsynced > kSyncSeconds) file_.sync();
      if (unsynced > kSyncSeconds) unsynced = 0;
      tell(done_, note());
    }
  }

  std::vector<Reply> replies() {
    try {
      return endpoint_.wait(kProgressEvery);
    } catch (const core::Error& error) {
      throw core::Error(cat(error.what(), "; ", kept()));
    }
  }

  /// Keeps what is paid for, then throws Interrupted.
  void stop() {
    for (const Reply& reply : endpoint_.last_replies(kSecondsAtStop)) keep(reply);
    file_.sync();
    core::throw_if_stopped(kept().c_str());
  }

  void keep(const Reply& reply) {
    const std::string& expression = expressions_[static_cast<std::size_t>(reply.id)];
    file_.add(
        {expression, reply.text, reply.prompt_tokens, reply.completion_tokens, reply.seconds});
    if (settle(expression)) ++done_;
  }

  /// The question, and after answers that could not be used these and what was wrong with them.
  void ask(std::size_t id) {
    const std::string& expression = expressions_[id];
    std::vector<Message> messages = {
        {"user", options_.prompt.ask(expression, options_.judgement.most)}};
    for (const auto& answer : file_.answers_to(expression)) {
      if (answer.empty()) continue;  // strict servers refuse an empty message
      const Judgement judged = judge_answer(answer, expression, options_.judgement);
      messages.push_back({"assistant", answer.substr(0, kLongestQuoted)});
      messages.push_back(
          {"user", cat("That cannot be used: ", judged.fault.substr(0, kLongestQuoted),
                       ". Answer again with one JSON list of short phrases made of "
                       "the expression's own words, and nothing else.")});
    }
    endpoint_.ask(id, messages);
  }

  void receive(const Reply& reply) {
    const auto id = static_cast<std::size_t>(reply.id);
    if (!reply.fault.empty()) {
      ++tally_.unanswered;
      results_[id] = by_rules(expressions_[id]);
      ++done_;
      return;
    }
    keep(reply);
    if (!finish_if_settled(id)) {
      ++tally_.asked_again;
      ask(id);
    }
  }

  /// What the answers in the file make of an expression; nothing while it is to be asked.
  std::optional<Judgement> settle(const std::string& expression) const {
    const auto& answers = file_.answers_to(expression);
    for (const auto& answer : answers) {
      Judgement judged = judge_answer(answer, expression, options_.judgement);
      if (!judged.cues.empty()) return judged;
    }
    if (answers.size() < options_.tries) return std::nullopt;
    return Judgement{};
  }

  bool finish_if_settled(std::size_t id) {
    auto settled = settle(expressions_[id]);
    if (!settled) return false;
    if (settled->cues.empty()) {
      ++tally_.invalid;
      results_[id] = by_rules(expressions_[id]);
    } else {
      tally_.left_out += static_cast<std::int64_t>(settled->left_out.size());
      results_[id].cues = std::move(settled->cues);
    }
    return true;
  }

  Decomposition by_rules(const std::string& expression) const {
    return {rule_cues(expression, options_.judgement.most), true};
  }

  std::string note() const {
    const Traffic& traffic = endpoint_.traffic();
    std::string text = cat(traffic.prompt_tokens + traffic.completion_tokens, " tokens");
    const std::string waiting = endpoint_.waits_for();
    return waiting.empty() ? text : cat(text, ", ", waiting);
  }

  std::string kept() const {
    const std::int64_t answered = done_ - tally_.unanswered;
    std::string done = cat(answered, " of ", results_.size(), " expressions are done");
    if (options_.answers.empty() || file_.empty()) return done;
    return cat(done, " and every answer is in ", options_.answers.string(),
               ": the same command goes on from there");
  }

  static constexpr std::size_t kLongestQuoted = 2000;  // bytes of an answer that go back to a model

  LanguageModelOptions options_;
  ChatEndpoint endpoint_;
  AnswerFile file_;
  Tally tally_;
  std::vector<std::string> expressions_;
  std::vector<Decomposition> results_;
  std::int64_t done_ = 0;
};

LanguageModel::LanguageModel(const LanguageModelOptions& options)
    : work_(std::make_unique<Work>(options)) {}

LanguageModel::~LanguageModel() = default;

std::int64_t LanguageModel::open_questions(const std::vector<std::string>& expressions) const {
  return work_->open_questions(expressions);
}

std::vector<Decomposition> LanguageModel::decompose(const std::vector<std::string>& expressions,
                                                    const Tell& tell) {
  return work_->decompose(expressions, tell);
}

const Tally& LanguageModel::tally() const { return work_->tally(); }

const std::string& LanguageModel::model() const { return work_->model(); }

}  // namespace pcnet::cues
