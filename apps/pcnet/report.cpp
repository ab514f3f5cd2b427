#include <filesystem>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/output_path.h"
#include "pcnet/runtime/report_making.h"

#include "command.h"
#include "data_arguments.h"

namespace pcnet::app {

namespace {

struct ReportArguments {
  runtime::ReportRequest request;
  std::vector<std::string> runs;
  std::string out;
  bool no_pictures = false;
  DataArguments data;
};

void run_report(ReportArguments& arguments, const GlobalOptions& globals) {
  runtime::ReportRequest& request = arguments.request;
  request.runs.assign(arguments.runs.begin(), arguments.runs.end());
  request.pictures = !arguments.no_pictures;
  request.overrides = with_data(globals, arguments.data);
  for (const auto& run : request.runs) {
    if (std::filesystem::is_directory(run)) continue;
    throw core::UsageError(core::cat("no run folder ", run.string()));
  }
  const std::filesystem::path path = arguments.out.empty() ? request.runs.front() / "report.html"
                                                           : std::filesystem::path(arguments.out);
  leave_stdout_to(path.string());
  // Opened now: a path that cannot be written is found before the work, not after it.
  core::AtomicFile out(path);
  out.write(runtime::make_report(request));
  const auto bytes = out.bytes();
  out.commit();
  if (globals.json) {
    print_json({{"report", path.string()}, {"bytes", bytes}});
  } else {
    std::cout << path.string() << "  " << core::human_bytes(bytes) << "\n";
  }
}

}  // namespace

void add_report(CLI::App& root, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<ReportArguments>();
  CLI::App* command =
      add_command(root, "report", "One page of HTML on a run, or on several beside each other.",
                  "  pcnet report runs/pcnet\n"
                  "  pcnet report runs/tris runs/pcnet --split testA --count 8 --out both.html\n"
                  "  pcnet report runs/pcnet --no-pictures --out curves.html");
  command->add_option("runs", arguments->runs, "run folders")->type_name("RUN")->required();
  command->add_option("--out", arguments->out, "the page; default: report.html in the first run")
      ->type_name("FILE");
  command
      ->add_option("--split", arguments->request.split,
                   "split of the pictures; default: the first of eval.splits")
      ->type_name("SPLIT");
  command
      ->add_option("--count", arguments->request.count,
                   "pictures of a gallery, and sentences shown stage by stage")
      ->type_name("N")
      ->check(CLI::Range(0, 100).description(""))
      ->capture_default_str();
  command->add_option("--seed", arguments->request.seed, "draws the sentences that are shown")
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--no-pictures", arguments->no_pictures,
                    "log, results and configuration alone: neither model nor dataset is needed");
  add_data_options(*command, arguments->data);
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_report(*arguments, globals); };
  });
}

}  // namespace pcnet::app
