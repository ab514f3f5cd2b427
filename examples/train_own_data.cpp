// Trains on images of your own (docs/custom_data.md):
// train_own_data CONFIG.yaml DATA RUN [KEY=VALUE]...

#include <iostream>

#include "pcnet/config/paths.h"
#include "pcnet/core/error.h"
#include "pcnet/core/signals.h"
#include "pcnet/runtime/call_config.h"
#include "pcnet/runtime/training.h"

int main(int count, char** arguments) try {
  if (count < 4) throw pcnet::core::UsageError("wanted CONFIG.yaml DATA RUN [KEY=VALUE]...");

  std::vector<std::string> overrides(arguments + 4, arguments + count);
  overrides.push_back(pcnet::config::assignment("data.root", arguments[2]));
  overrides.push_back("data.dataset=custom");

  pcnet::runtime::TrainingRequest request;
  request.config = pcnet::runtime::load_config(arguments[1], overrides);
  request.run = request.config.run.folder = arguments[3];
  request.resume = "auto";              // a stopped run goes on
  pcnet::core::install_stop_handler();  // Ctrl-C saves, then train throws core::Interrupted
  pcnet::runtime::train(request);
  std::cout << "trained " << request.run.string() << "\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << "train_own_data: error: " << error.what() << "\n";
  return 1;
}
