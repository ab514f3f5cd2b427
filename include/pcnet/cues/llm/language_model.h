#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pcnet/cues/llm/answer.h"
#include "pcnet/cues/llm/endpoint.h"
#include "pcnet/cues/prompt.h"

namespace pcnet::cues {

/// Whether this build can ask language models: CMake's PCNET_WITH_LLM.
bool can_ask_language_models();

/// UsageError that says how to get it, where it cannot.
void require_language_models();

/// How a language model is asked, and what its answers must be.
struct LanguageModelOptions {
  EndpointOptions endpoint;
  Prompt prompt;
  JudgementOptions judgement;
  std::size_t tries = 2;  ///< answers to one expression before the rules take it
  /// JSON lines with every answer: what makes a stopped run go on. Empty: they are not kept.
  std::filesystem::path answers;
};

/// The cues of one expression, and who found them.
struct Decomposition {
  std::vector<std::string> cues;
  bool by_rules = false;  ///< the language model's answers could not be used
};

/// What became of the expressions.
struct Tally {
  std::int64_t expressions = 0;  ///< different ones: each is asked once
  std::int64_t known = 0;        ///< answered in the file already
  std::int64_t asked_again = 0;  ///< questions after an answer that could not be used
  std::int64_t invalid = 0;      ///< given to the rules: no usable answer
  std::int64_t unanswered = 0;   ///< given to the rules: no answer at all
  std::int64_t left_out = 0;     ///< phrases of used answers that were no good cues
  Traffic traffic;
  double seconds = 0;  ///< of asking
};

/// Takes referring expressions apart with a language model (Eq. 1). An answer that cannot be used
/// is asked for again, with what was wrong; then rule_cues takes the expression, and is counted.
class LanguageModel {
 public:
  /// The progress: expressions done, and a note for the person.
  using Tell = std::function<void(std::int64_t done, const std::string& note)>;

  /// Opens the file of answers. Errors as ChatEndpoint's; Error for a file in use.
  explicit LanguageModel(const LanguageModelOptions& options);
  ~LanguageModel();
  LanguageModel(const LanguageModel&) = delete;
  LanguageModel& operator=(const LanguageModel&) = delete;

  /// How many of these different expressions would be asked.
  std::int64_t open_questions(const std::vector<std::string>& expressions) const;
  /// One decomposition for each of these different expressions. Interrupted by a signal, and Error
  /// when the endpoint fails: every answer so far is in the file, and the next call goes on.
  std::vector<Decomposition> decompose(const std::vector<std::string>& expressions,
                                       const Tell& tell);

  const Tally& tally() const;
  /// The model that is asked.
  const std::string& model() const;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace pcnet::cues
