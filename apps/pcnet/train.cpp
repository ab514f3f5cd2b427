#include <filesystem>
#include <iostream>
#include <memory>

#include "pcnet/config/paths.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/runtime/call_config.h"
#include "pcnet/runtime/dry_run.h"
#include "pcnet/runtime/training.h"

#include "command.h"
#include "data_arguments.h"

namespace pcnet::app {

namespace {

struct TrainArguments {
  std::string config;
  std::string run;
  std::string init;
  std::string resume = "no";
  bool resume_anyway = false;
  bool dry_run = false;
  DataArguments data;
};

void run_train(const TrainArguments& arguments, const GlobalOptions& globals) {
  auto overrides = with_data(globals, arguments.data);
  if (!arguments.init.empty()) {
    overrides.push_back(config::assignment("model.init", arguments.init));
  }
  runtime::TrainingRequest request;
  request.config = runtime::load_config(arguments.config, overrides);
  if (!arguments.run.empty()) request.config.run.folder = arguments.run;
  if (request.config.run.folder.empty()) {
    request.config.run.folder =
        (std::filesystem::path("runs") / std::filesystem::path(arguments.config).stem()).string();
  }
  request.run = request.config.run.folder;
  request.resume = arguments.resume;
  request.resume_anyway = arguments.resume_anyway;
  if (arguments.dry_run && globals.team != nullptr) {
    throw core::UsageError("--dry-run looks at one process: start it alone");
  }
  if (arguments.dry_run) {
    const auto run = runtime::dry_run(request.config);
    if (globals.json) {
      print_json(to_json(run));
    } else {
      std::cout << to_text(run);
    }
    return;
  }
  request.team = globals.team;
  runtime::train(request);
  if (globals.json) {
    print_json({{"run", request.run.string()}});
  } else {
    std::cout << request.run.string() << "\n";
  }
}

}  // namespace

void add_train(CLI::App& root, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = add_command(
      root, "train", "Train a model; leaves a run folder.",
      "  pcnet train configs/refsynth/clip.yaml --root data --run runs/clip\n"
      "  pcnet train configs/refsynth/pcnet.yaml --root data --run runs/pcnet \\\n"
      "      --set model.clip.weights=runs/clip\n"
      "  pcnet train configs/refcoco/released.yaml --root data --run runs/tuned --init pcnet.pth "
      "\\\n"
      "      --set loss.calibration.weights=RN50.pt\n"
      "  pcnet train configs/refsynth/pcnet.yaml --root data --run runs/pcnet --resume auto\n"
      "\n"
      "Ctrl-C saves and leaves; --resume auto goes on from there. SIGUSR1 saves and goes on.");
  command->add_option("config", arguments->config, "configuration file (YAML or JSON)")
      ->type_name("CONFIG")
      ->required();
  command
      ->add_option("--run", arguments->run,
                   "run folder; default: run.folder, or runs/<name of the config>")
      ->type_name("DIR");
  command
      ->add_option("--init", arguments->init,
                   "start a new run from the whole of this run, checkpoint or official .pth "
                   "(model.init): all that has the same name; model.clip.weights gives nothing "
                   "then. What stays new is listed, each name with -v")
      ->type_name("RUN|FILE");
  command
      ->add_option("--resume", arguments->resume,
                   "auto: go on if the folder holds a run; never; or a last.safetensors")
      ->type_name("auto|never|FILE");
  command->add_flag("--resume-anyway", arguments->resume_anyway,
                    "go on with this configuration where the run had another");
  command->add_flag("--dry-run", arguments->dry_run,
                    "build everything, run one batch, print shapes, memory and what other batch "
                    "sizes would need, write nothing");
  add_data_options(*command, arguments->data);
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_train(*arguments, globals); };
  });
}

}  // namespace pcnet::app
