#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "pcnet/runtime/prediction.h"

#include "command.h"
#include "segmentor_arguments.h"

namespace pcnet::app {

namespace {

struct PredictArguments {
  std::string model;
  std::vector<std::string> images;
  std::vector<std::string> texts;
  std::vector<std::string> cues;
  std::string out = ".";
  SegmentorArguments segmentor;
};

void run_predict(const PredictArguments& arguments, const GlobalOptions& globals) {
  runtime::PredictionRequest request;
  request.model = arguments.model;
  request.images.assign(arguments.images.begin(), arguments.images.end());
  request.texts = arguments.texts;
  request.cues = arguments.cues;
  request.out = arguments.out;
  // What a run was evaluated with may need a dataset.
  request.overrides = {"eval.segmentor=none"};
  for (auto& setting : globals.overrides()) request.overrides.push_back(std::move(setting));
  add_segmentor(request.overrides, arguments.segmentor);
  const auto all = runtime::predict(request);
  if (globals.json) {
    auto documents = nlohmann::ordered_json::array();
    for (const auto& found : all) documents.push_back(to_json(found));
    return print_json(documents);
  }
  for (const auto& found : all) std::cout << to_text(found) << "\n";
}

}  // namespace

void add_predict(CLI::App& root, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<PredictArguments>();
  CLI::App* command = add_command(
      root, "predict", "Find what a text means on an image.",
      "  pcnet predict runs/tris --image a.png --text \"the small red circle\" --out found\n"
      "  pcnet predict runs/tris --image *.png --text \"the star\" --text \"the left cross\"\n"
      "  pcnet predict runs/tris --image a.png --text \"the star\" --segmentor sam --sam "
      "mobile_sam.pt");
  command->add_option("model", arguments->model, "run folder or checkpoint")
      ->type_name("RUN|CHECKPOINT")
      ->required();
  command
      ->add_option("--image", arguments->images,
                   "one or more images, turned as their EXIF orientation says")
      ->type_name("FILE")
      ->required();
  command->add_option("--text", arguments->texts, "what to find; repeatable")
      ->required()
      ->allow_extra_args(false);
  command
      ->add_option("--cue", arguments->cues,
                   "a target-related cue of every text; repeatable; default: by rules")
      ->allow_extra_args(false);
  command->add_option("--out", arguments->out, "folder of the results")
      ->type_name("DIR")
      ->capture_default_str();
  add_segmentor_options(*command, arguments->segmentor, "none|sam");
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_predict(*arguments, globals); };
  });
}

}  // namespace pcnet::app
