#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "pcnet/config/eval_choices.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/json.h"
#include "pcnet/core/output_path.h"
#include "pcnet/runtime/answer_comparison.h"
#include "pcnet/runtime/evaluation.h"

#include "command.h"
#include "data_arguments.h"
#include "segmentor_arguments.h"

namespace pcnet::app {

namespace {

struct EvalArguments {
  runtime::EvaluationRequest request;
  std::string model;
  std::string method;
  std::string per_sentence;
  std::string out;
  std::vector<std::string> compare;
  std::int64_t largest = -1;  // -1: not given
  SegmentorArguments segmentor;
  DataArguments data;
};

/// True when both paths, their links followed, lead to one name.
bool name_one_file(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return false;
  const auto whole = [](const std::string& path) {
    const auto target = std::filesystem::absolute(core::follow_links(path));
    return std::filesystem::weakly_canonical(target.parent_path()) / target.filename();
  };
  return whole(a) == whole(b);
}

/// The overrides of the configuration that the options make.
std::vector<std::string> overrides_of(const EvalArguments& arguments,
                                      const GlobalOptions& globals) {
  std::vector<std::string> overrides = with_data(globals, arguments.data);
  if (!arguments.method.empty()) overrides.push_back("eval.method=" + arguments.method);
  add_segmentor(overrides, arguments.segmentor);
  return overrides;
}

/// Writes the document to --out, if it is given, and shows it or the text.
void give(const nlohmann::ordered_json& document, const std::string& text,
          std::optional<core::AtomicFile>& out, const GlobalOptions& globals) {
  if (out) {
    out->write(core::json_text(document, {.indent = 2}) + "\n");
    out->commit();
  }
  if (globals.json) {
    print_json(document);
  } else {
    std::cout << text;
  }
}

void run_compare(const EvalArguments& arguments, const GlobalOptions& globals) {
  if (!arguments.model.empty() || !arguments.request.baseline.empty() ||
      !arguments.per_sentence.empty()) {
    throw core::UsageError(
        "--compare names both sides, and writes no lines: no further run or checkpoint, --baseline "
        "or --per-sentence beside it");
  }
  runtime::ComparisonRequest request;
  for (std::size_t i = 0; i < 2; ++i) request.sides[i] = arguments.compare[i];
  request.splits = arguments.request.splits;
  request.overrides = overrides_of(arguments, globals);
  const bool asks_models = !runtime::holds_answer_lines(request.sides[0]) ||
                           !runtime::holds_answer_lines(request.sides[1]);
  if (!asks_models && request.overrides.size() > globals.overrides().size()) {
    throw core::UsageError(
        "--compare of two files of lines asks no model: options that name a dataset, a segmentor "
        "or a method are of no use");
  }
  if (arguments.largest >= 0) request.largest = arguments.largest;
  request.team = globals.team;
  if (globals.leads()) leave_stdout_to(arguments.out);
  std::optional<core::AtomicFile> out;
  if (!arguments.out.empty() && globals.leads()) out.emplace(arguments.out);
  const report::Comparison comparison = runtime::compare(request);
  give(to_json(comparison), to_text(comparison), out, globals);
}

void run_eval(EvalArguments& arguments, const GlobalOptions& globals) {
  if (!arguments.compare.empty()) return run_compare(arguments, globals);
  if (arguments.largest >= 0) {
    throw core::UsageError("--largest is for --compare: the sentences of largest difference");
  }
  runtime::EvaluationRequest& request = arguments.request;
  if (!arguments.model.empty() && !request.baseline.empty()) {
    throw core::UsageError("eval wants a run folder or checkpoint, or --baseline centre|random");
  }
  request.model = arguments.model;
  request.per_sentence = arguments.per_sentence;
  request.overrides = overrides_of(arguments, globals);
  if (name_one_file(arguments.out, arguments.per_sentence)) {
    throw core::UsageError("--out and --per-sentence name the same file: " + arguments.out);
  }
  if (globals.leads()) {
    leave_stdout_to(arguments.out);
    leave_stdout_to(arguments.per_sentence);
  }
  // Opened now: a path that cannot be written is found before the work, not after it.
  std::optional<core::AtomicFile> out;
  if (!arguments.out.empty() && globals.leads()) out.emplace(arguments.out);
  request.team = globals.team;
  const runtime::EvaluationResult result = runtime::evaluate(request);
  give(runtime::to_json(result), runtime::to_text(result), out, globals);
}

}  // namespace

void add_eval(CLI::App& root, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command =
      add_command(root, "eval", "Evaluate a model on splits: PointM, mIoU, oIoU, Prec@x.",
                  "  pcnet eval runs/tris --split val --split testA --out results.json\n"
                  "  pcnet eval runs/tris --segmentor proposal --per-sentence sentences.jsonl\n"
                  "  pcnet eval runs/tris --segmentor sam --sam mobile_sam.pt --embeddings cache\n"
                  "  pcnet eval --method clip-crop --set model.clip.weights=RN50.pt --root data\n"
                  "  pcnet eval --baseline centre --root data\n"
                  "  pcnet eval --compare runs/tris runs/pcnet --split val");
  command->add_option("model", arguments->model, "run folder or checkpoint")
      ->type_name("RUN|CHECKPOINT");
  command->add_option("--baseline", arguments->request.baseline, "this pixel instead of a model")
      ->type_name("centre|random");
  command
      ->add_option("--split", arguments->request.splits, "split, repeatable; default: eval.splits")
      ->type_name("SPLIT")
      ->allow_extra_args(false);
  command
      ->add_option("--method", arguments->method,
                   "what answers: model; clip-crop or clip-global-local, the proposal that CLIP "
                   "alone scores best; clip-map, CLIP's cells (eval.method)")
      ->type_name(words_type(config::kWords<config::EvalMethod>));
  command
      ->add_option("--per-sentence", arguments->per_sentence,
                   "write a JSON line a sentence to this file or pipe")
      ->type_name("FILE");
  command->add_option("--out", arguments->out, "write results.json to this file or pipe")
      ->type_name("FILE");
  command
      ->add_option("--compare", arguments->compare,
                   "two runs, checkpoints or files of --per-sentence lines, sentence by sentence")
      ->type_name("RUN|FILE")
      ->expected(2);
  command
      ->add_option("--largest", arguments->largest,
                   "how many sentences of each side's largest lead in IoU --compare lists (10)")
      ->type_name("N")
      ->check(CLI::Range(0, 1000000).description(""));
  add_segmentor_options(*command, arguments->segmentor,
                        words_type(config::kWords<config::Segmentor>));
  add_data_options(*command, arguments->data);
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_eval(*arguments, globals); };
  });
}

}  // namespace pcnet::app
