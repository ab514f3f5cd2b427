// What stands in for src/cues/llm/ where PCNET_WITH_LLM is off: nobody can be asked.

#include "pcnet/core/error.h"
#include "pcnet/cues/llm/language_model.h"

namespace pcnet::cues {

namespace {

[[noreturn]] void refuse() {
  throw core::UsageError(
      "this pcnet is built without the client that asks language models: use --source rules, or "
      "install libcurl (Debian: libcurl4-openssl-dev) and build with cmake -DPCNET_WITH_LLM=ON");
}

}  // namespace

bool can_ask_language_models() { return false; }
void require_language_models() { refuse(); }

class LanguageModel::Work {};

LanguageModel::LanguageModel(const LanguageModelOptions& /*options*/) { refuse(); }
LanguageModel::~LanguageModel() = default;

// No object exists to call these.
std::int64_t LanguageModel::open_questions(const std::vector<std::string>& /*expressions*/) const {
  refuse();
}
std::vector<Decomposition> LanguageModel::decompose(const std::vector<std::string>& /*expressions*/,
                                                    const Tell& /*tell*/) {
  refuse();
}
const Tally& LanguageModel::tally() const { refuse(); }
const std::string& LanguageModel::model() const { refuse(); }

}  // namespace pcnet::cues
