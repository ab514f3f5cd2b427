#include <memory>

#include "pcnet/runtime/benchmark.h"
#include "pcnet/runtime/call_config.h"

#include "command.h"
#include "data_source.h"

namespace pcnet::app {

namespace {

struct BenchArguments {
  std::string subject;
  std::string split = "val";
  std::int64_t warm_up = 5;
  std::int64_t steps = 30;
  std::int64_t repeats = 3;
  bool profile = false;
  DataArguments data;
};

void add_profile_option(CLI::App& command, BenchArguments& arguments) {
  command.add_flag("--profile", arguments.profile,
                   "also where time goes: encoders, referring modules, each loss, optimizer, data; "
                   "and the share of what the processor can do");
}

void add_bench_train(CLI::App& bench, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* command = add_command(bench, "train", "Throughput of training, by part.",
                                  "  pcnet bench train configs/refsynth/clip.yaml --root data");
  command->add_option("config", arguments->subject, "configuration file")
      ->type_name("CONFIG")
      ->required();
  command->add_option("--steps", arguments->steps, "measured steps")
      ->check(CLI::Range(1, 1000000).description(""))
      ->capture_default_str();
  command->add_option("--warm-up", arguments->warm_up, "steps before them")
      ->check(CLI::Range(0, 1000000).description(""))
      ->capture_default_str();
  add_profile_option(*command, *arguments);
  add_data_options(*command, arguments->data);
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] {
      const auto config =
          runtime::load_config(arguments->subject, with_data(globals, arguments->data));
      print_json(runtime::bench_train(config, arguments->warm_up, arguments->steps,
                                      arguments->profile, globals.team));
    };
  });
}

void add_bench_eval(CLI::App& bench, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* command = add_command(bench, "eval", "Throughput of evaluation.",
                                  "  pcnet bench eval runs/tris --split val");
  command->add_option("model", arguments->subject, "run folder or checkpoint")
      ->type_name("RUN|CHECKPOINT")
      ->required();
  command->add_option("--split", arguments->split, "split that is evaluated")
      ->type_name("SPLIT")
      ->capture_default_str();
  command->add_option("--repeats", arguments->repeats, "measured evaluations, after one warm-up")
      ->check(CLI::Range(1, 1000).description(""))
      ->capture_default_str();
  add_profile_option(*command, *arguments);
  add_data_options(*command, arguments->data);
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] {
      print_json(runtime::bench_eval(arguments->subject, arguments->split,
                                     with_data(globals, arguments->data), arguments->repeats,
                                     arguments->profile, globals.team));
    };
  });
}

struct LoadArguments {
  DataSource source;
  runtime::LoadBenchOptions options;
};

void add_bench_load(CLI::App& bench, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<LoadArguments>();
  CLI::App* command = add_command(bench, "load", "Throughput of feeding images and texts.",
                                  "  pcnet bench load --root data\n"
                                  "  pcnet bench load refcoco.pack\n"
                                  "  pcnet bench load configs/refsynth/clip.yaml --root data --set "
                                  "data.workers=4");
  command->add_option("--batches", arguments->options.batches, "batches of a pass; 0: an epoch")
      ->check(CLI::Range(0, 1000000).description(""))
      ->capture_default_str();
  add_data_source(*command, arguments->source);
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] {
      const auto config = load_data_source(arguments->source, globals);
      print_json(runtime::bench_load(config, arguments->options, globals.team));
    };
  });
}

struct ClipArguments {
  std::string config;
  std::string architecture;
  runtime::ClipBenchOptions options;
};

config::Config clip_config(const ClipArguments& arguments, const GlobalOptions& globals) {
  const auto overrides = globals.overrides();
  config::Config config = arguments.config.empty()
                              ? config::load_defaults(overrides).values
                              : config::load(arguments.config, overrides).values;
  if (!arguments.architecture.empty()) {
    config.model.clip = config::clip_architecture(arguments.architecture);
  }
  return config;
}

void add_bench_clip(CLI::App& bench, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<ClipArguments>();
  auto& options = arguments->options;
  CLI::App* command = add_command(bench, "clip", "Throughput of CLIP's encoders, random weights.",
                                  "  pcnet bench clip --batch 8 --image-size 320\n"
                                  "  pcnet bench clip --architecture RN101");
  auto* config = command
                     ->add_option("config", arguments->config,
                                  "configuration file; without one the defaults, RN50")
                     ->type_name("CONFIG");
  command
      ->add_option("--architecture", arguments->architecture,
                   "these encoders instead of a configuration's")
      ->type_name("RN50|RN101|RN50x4|tiny")
      ->excludes(config);
  command->add_option("--batch", options.batch, "images, and texts, encoded at once")
      ->check(CLI::Range(1, 100000).description(""))
      ->capture_default_str();
  command->add_option("--image-size", options.image_size, "px; default: data.image_size")
      ->check(CLI::Range(1, 100000).description(""));
  command->add_option("--repeats", options.repeats, "measured batches of each kind")
      ->check(CLI::Range(1, 100000).description(""))
      ->capture_default_str();
  command->add_option("--warm-up", options.warm_up, "batches before them")
      ->check(CLI::Range(0, 100000).description(""))
      ->capture_default_str();
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] {
      print_json(runtime::bench_clip(clip_config(*arguments, globals), arguments->options));
    };
  });
}

}  // namespace

void add_bench(CLI::App& root, const GlobalOptions& globals, Action& action) {
  CLI::App* bench = add_command(root, "bench", "Measure throughput; prints JSON.",
                                "  pcnet bench train configs/refsynth/tris.yaml --root data\n"
                                "  pcnet bench eval runs/tris\n"
                                "  pcnet bench load --root data\n"
                                "  pcnet bench load refcoco.pack\n"
                                "  pcnet bench clip");
  bench->require_subcommand(1);
  add_bench_train(*bench, globals, action);
  add_bench_eval(*bench, globals, action);
  add_bench_load(*bench, globals, action);
  add_bench_clip(*bench, globals, action);
}

}  // namespace pcnet::app
