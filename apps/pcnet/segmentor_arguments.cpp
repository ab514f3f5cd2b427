#include "segmentor_arguments.h"

#include <algorithm>

#include "pcnet/config/eval_choices.h"
#include "pcnet/config/paths.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::app {

namespace {

/// Whether the word names a segmentor that asks Segment Anything; an unknown one may.
bool may_need_sam(const std::string& word) {
  const auto& words = config::kWords<config::Segmentor>;
  const auto found = std::find(words.begin(), words.end(), word);
  return found == words.end() || needs_sam(static_cast<config::Segmentor>(found - words.begin()));
}

}  // namespace

void add_segmentor_options(CLI::App& command, SegmentorArguments& arguments,
                           const std::string& words) {
  const auto add = [&](const char* name, std::string& into, const std::string& type,
                       const char* help) {
    command.add_option(name, into, help)->type_name(type)->group("Segmentor");
  };
  add("--segmentor", arguments.segmentor, words, "where the mask comes from");
  add("--sam", arguments.sam, "FILE",
      "weights of Segment Anything, which --segmentor sam needs: sam_vit_*.pth or mobile_sam.pt");
  add("--embeddings", arguments.embeddings, "DIR",
      "folder that keeps what Segment Anything's encoder makes of each image");
}

void add_segmentor(std::vector<std::string>& overrides, const SegmentorArguments& arguments) {
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) overrides.push_back(config::assignment(key, value));
  };
  add("eval.segmentor", arguments.segmentor);
  add("eval.sam.weights", arguments.sam);
  add("eval.sam.embeddings", arguments.embeddings);
  if (arguments.sam.empty() && arguments.embeddings.empty()) return;
  if (!arguments.segmentor.empty() && may_need_sam(arguments.segmentor)) return;
  throw core::UsageError(
      core::cat(arguments.sam.empty() ? "--embeddings" : "--sam",
                " is of no use without a --segmentor that asks Segment Anything: got ",
                arguments.segmentor.empty() ? "none" : arguments.segmentor, ", wanted sam"));
}

}  // namespace pcnet::app
