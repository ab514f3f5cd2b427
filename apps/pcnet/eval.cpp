#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/json.h"
#include "pcnet/core/output_path.h"
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

void run_eval(EvalArguments& arguments, const GlobalOptions& globals) {
  runtime::EvaluationRequest& request = arguments.request;
  if (!arguments.model.empty() && !request.baseline.empty()) {
    throw core::UsageError("eval wants a run folder or checkpoint, or --baseline centre|random");
  }
  request.model = arguments.model;
  request.per_sentence = arguments.per_sentence;
  request.overrides = with_data(globals, arguments.data);
  if (!arguments.method.empty()) request.overrides.push_back("eval.method=" + arguments.method);
  add_segmentor(request.overrides, arguments.segmentor);
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
  const nlohmann::ordered_json document = runtime::to_json(result);
  if (out) {
    out->write(core::json_text(document, {.indent = 2}) + "\n");
    out->commit();
  }
  if (globals.json) {
    print_json(document);
  } else {
    std::cout << runtime::to_text(result);
  }
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
                  "  pcnet eval --baseline centre --root data");
  command->add_option("model", arguments->model, "run folder or checkpoint");
  command->add_option("--baseline", arguments->request.baseline,
                      "centre or random pixel instead of a model");
  command
      ->add_option("--split", arguments->request.splits, "split, repeatable; default: eval.splits")
      ->allow_extra_args(false);
  command
      ->add_option("--method", arguments->method,
                   "what answers: model; clip-crop or clip-global-local, the proposal that CLIP "
                   "alone scores best; clip-map, CLIP's cells (eval.method)")
      ->type_name("WORD");
  command->add_option("--per-sentence", arguments->per_sentence,
                      "write a JSON line a sentence to this file or pipe");
  command->add_option("--out", arguments->out, "write results.json to this file or pipe");
  add_segmentor_options(*command, arguments->segmentor,
                        "none, proposal, sam, oracle-proposal, oracle-point, oracle-best-of-3");
  add_data_options(*command, arguments->data);
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_eval(*arguments, globals); };
  });
}

}  // namespace pcnet::app
