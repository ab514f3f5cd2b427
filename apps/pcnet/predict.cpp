#include <algorithm>
#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/json.h"
#include "pcnet/core/result_line.h"
#include "pcnet/runtime/prediction.h"

#include "command.h"
#include "preview.h"
#include "segmentor_arguments.h"

namespace pcnet::app {

namespace {

struct PredictArguments {
  runtime::PredictionRequest request;
  std::string model;
  std::vector<std::string> images;
  std::string list;
  std::string out = ".";
  std::vector<std::string> write = {"overlay", "mask", "response", "stages", "json"};
  std::string on_bad_image = "error";
  std::string preview = "none";
  SegmentorArguments segmentor;
};

runtime::PredictionFiles files_of(const std::vector<std::string>& words) {
  const auto has = [&](const char* word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  return {has("overlay"), has("mask"), has("response"), has("stages")};
}

/// A JSON array on stdout, an element a line, whole also when an error ends the work.
class ResultArray {
 public:
  ResultArray() = default;
  ~ResultArray() {
    if (begun_) core::write_result("\n]\n");
  }
  ResultArray(const ResultArray&) = delete;
  ResultArray& operator=(const ResultArray&) = delete;

  void add(const nlohmann::ordered_json& document) {
    core::write_result((begun_ ? ",\n" : "[\n") + core::json_text(document));
    begun_ = true;
  }

 private:
  bool begun_ = false;
};

std::optional<Preview> preview_of(const PredictArguments& arguments, const GlobalOptions& globals) {
  if (arguments.preview == "none") return std::nullopt;
  if (globals.json) throw core::UsageError("--preview and --json both write to stdout");
  if (!files_of(arguments.write).overlay) {
    throw core::UsageError("--preview shows the overlay, which --write leaves out");
  }
  return Preview(arguments.preview);
}

void run_predict(const PredictArguments& arguments, const GlobalOptions& globals) {
  runtime::PredictionRequest request = arguments.request;
  request.model = arguments.model;
  request.images.assign(arguments.images.begin(), arguments.images.end());
  request.list = arguments.list;
  request.out = arguments.out;
  request.files = files_of(arguments.write);
  request.skip_bad_images = arguments.on_bad_image == "skip";
  // What a run was evaluated with may need a dataset.
  request.overrides = {"eval.segmentor=none"};
  for (auto& setting : globals.overrides()) request.overrides.push_back(std::move(setting));
  add_segmentor(request.overrides, arguments.segmentor);
  const auto preview = preview_of(arguments, globals);
  ResultArray array;
  runtime::predict(request, [&](const runtime::Found& found) {
    if (globals.json) return array.add(to_json(found));
    const bool drawn = preview && found.fault.empty();
    core::write_result(to_text(found) + "\n" + (drawn ? preview->draw(found) : ""));
  });
}

void add_input_options(CLI::App& command, PredictArguments& arguments) {
  command
      .add_option("--image", arguments.images,
                  "one or more images, turned as their EXIF orientation says; folders, whose "
                  "images are taken; -: an image's bytes from stdin")
      ->type_name("FILE");
  command.add_flag("--recursive", arguments.request.recursive, "also the folders below a folder");
  command
      .add_option("--list", arguments.list,
                  "more images, a path a line, or {\"image\", \"text\" or \"texts\", \"cues\", "
                  "\"out\"}; -: from stdin")
      ->type_name("FILE");
  command
      .add_option("--text", arguments.request.texts,
                  "what to find; repeatable; not needed where the list says it")
      ->allow_extra_args(false);
  command
      .add_option("--cue", arguments.request.cues,
                  "a target-related cue of every text; repeatable; default: by rules")
      ->allow_extra_args(false);
  command
      .add_option("--on-bad-image", arguments.on_bad_image,
                  "error, or skip images that cannot be read")
      ->type_name("error|skip")
      ->check(CLI::IsMember({"error", "skip"}).description(""))
      ->capture_default_str();
}

void add_output_options(CLI::App& command, PredictArguments& arguments) {
  command.add_option("--out", arguments.out, "folder of the results")
      ->type_name("DIR")
      ->capture_default_str();
  command
      .add_option("--write", arguments.write,
                  "which files, separated by commas: overlay, mask, response, stages; json is "
                  "always written")
      ->type_name("WORDS")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"overlay", "mask", "response", "stages", "json"}).description(""))
      ->default_str("all");
  command.add_flag("--replace", arguments.request.replace, "make anew what is there");
  command
      .add_flag("--preview{auto}", arguments.preview,
                "draw each answer into the terminal: --preview, or --preview=sixel, kitty, blocks "
                "or none")
      ->type_name("")
      ->check(CLI::IsMember({"auto", "sixel", "kitty", "blocks", "none"}).description(""));
}

}  // namespace

void add_predict(CLI::App& root, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<PredictArguments>();
  CLI::App* command = add_command(
      root, "predict",
      "Find what a text means on an image. Stopped or killed, the same command goes on.",
      "  pcnet predict runs/tris --image a.png --text \"the small red circle\" --out found\n"
      "  pcnet predict runs/tris --image photos --text \"the star\" --text \"the left cross\"\n"
      "  pcnet predict runs/tris --list asked.jsonl --write json,mask --out found\n"
      "  pcnet predict runs/tris --image a.png --text \"the star\" --segmentor sam --sam "
      "mobile_sam.pt");
  command->add_option("model", arguments->model, "run folder or checkpoint")
      ->type_name("RUN|CHECKPOINT")
      ->required();
  add_input_options(*command, *arguments);
  add_output_options(*command, *arguments);
  add_segmentor_options(*command, arguments->segmentor, "none|sam");
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_predict(*arguments, globals); };
  });
}

}  // namespace pcnet::app
