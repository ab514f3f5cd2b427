#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "pcnet/weight_tools/weight_report.h"
#include "pcnet/weight_tools/weight_tools.h"

#include "command.h"

namespace pcnet::app {

namespace {

template <class Result>
void print(const Result& result, const GlobalOptions& globals) {
  if (globals.json) return print_json(to_json(result));
  std::cout << to_text(result);
}

void add_inspect(CLI::App& parent, const GlobalOptions& globals, Action& action) {
  CLI::App* command =
      add_command(parent, "inspect", "Say what a weight file holds and where it would load.",
                  "  pcnet weights inspect RN50.pt\n"
                  "  pcnet weights inspect runs/tris --tensors\n"
                  "  pcnet weights inspect model.pth --stats --json");
  auto request = std::make_shared<weight_tools::InspectionRequest>();
  command->add_option("F", request->path, "weight file or run folder")
      ->type_name("RUN|FILE")
      ->required();
  command->add_flag("--tensors", request->tensors, "list every tensor (also with -v)");
  command->add_flag("--stats", request->statistics,
                    "and read it: minimum, maximum, mean, deviation, non-finite numbers");
  command->callback([request, &globals, &action] {
    action = [request, &globals] {
      request->tensors = request->tensors || globals.verbose > 0;
      print(weight_tools::inspect_weights(*request), globals);
    };
  });
}

void add_convert(CLI::App& parent, const GlobalOptions& globals, Action& action) {
  CLI::App* command =
      add_command(parent, "convert", "Write a weight file in another format, layout or type.",
                  "  pcnet weights convert RN50.pt rn50.safetensors --dtype f32\n"
                  "  pcnet weights convert runs/tris clip.pth --layout openai-clip\n"
                  "  pcnet weights convert tris.pth tris.safetensors --layout pcnet");
  struct Arguments {
    weight_tools::ConversionRequest request;
    std::string layout;
  };
  auto arguments = std::make_shared<Arguments>();
  weight_tools::ConversionRequest& request = arguments->request;
  command->add_option("IN", request.in, "weight file or run folder")
      ->type_name("RUN|FILE")
      ->required();
  command->add_option("OUT", request.out, "file to write: .safetensors, .pt or .pth")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--layout", arguments->layout,
                   "whose names the tensors get; without it, names stay")
      ->type_name("pcnet|official-pcnet|official-tris|openai-clip");
  command->add_option("--dtype", request.dtype, "type of the numbers")
      ->type_name("f32|f16|bf16|same")
      ->capture_default_str();
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] {
      if (!arguments->layout.empty()) {
        arguments->request.layout = weight_tools::parse_layout(arguments->layout);
      }
      const auto done = weight_tools::convert_weights(arguments->request);
      leave_stdout_to(arguments->request.out.string());
      print(done, globals);
    };
  });
}

void add_diff(CLI::App& parent, const GlobalOptions& globals, Action& action) {
  CLI::App* command = add_command(
      parent, "diff", "Compare two weight files; exit code 0 when they are equal, else 1.",
      "  pcnet weights diff RN50.pt rn50.safetensors\n"
      "  pcnet weights diff runs/a runs/b --tolerance 1e-5");
  auto request = std::make_shared<weight_tools::DifferenceRequest>();
  command->add_option("A", request->a, "weight file or run folder")
      ->type_name("RUN|FILE")
      ->required();
  command->add_option("B", request->b, "another one")->type_name("RUN|FILE")->required();
  command
      ->add_option("--tolerance", request->tolerance,
                   "largest absolute difference that counts as equal; above 0, types may differ")
      ->type_name("X")
      ->capture_default_str();
  command->callback([request, &globals, &action] {
    action = [request, &globals] {
      const auto found = weight_tools::diff_weights(*request);
      print(found, globals);
      if (!found.equal) throw ExitCode{1};
    };
  });
}

}  // namespace

void add_weights(CLI::App& root, const GlobalOptions& globals, Action& action) {
  CLI::App* command = add_command(root, "weights", "Inspect, convert and compare weight files.",
                                  "  pcnet weights inspect RN50.pt\n"
                                  "  pcnet weights convert RN50.pt rn50.safetensors\n"
                                  "  pcnet weights diff runs/a runs/b");
  command->require_subcommand(1);
  add_inspect(*command, globals, action);
  add_convert(*command, globals, action);
  add_diff(*command, globals, action);
}

}  // namespace pcnet::app
