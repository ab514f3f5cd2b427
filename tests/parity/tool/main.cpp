// Runs one function of the library on files, for the Python scripts of tests/parity to compare.

#include <fstream>
#include <iostream>

#include "pcnet/core/device.h"

#include "commands.h"

namespace pcnet::parity {

namespace {

/// Prints the most memory that was ever resident, as the kernel tells it.
void print_peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) std::cout << line << "\n";
  }
}

int run(const Words& words) {
  Commands commands;
  add_clip(commands);
  add_mask_generator(commands);
  add_freesolo(commands);
  add_masks(commands);
  add_pictures(commands);
  add_sam(commands);
  add_text(commands);
  add_weights(commands);
  const bool peak = words.at(0) == "peak";  // before any other command
  const Words command(words.begin() + (peak ? 1 : 0), words.end());
  const auto found = commands.find(command.at(0));
  if (found == commands.end()) {
    std::cerr << "unknown command " << command.at(0) << "\n";
    return 2;
  }
  found->second(command);
  if (peak) print_peak();
  return 0;
}

}  // namespace

}  // namespace pcnet::parity

int main(int count, char** words) {
  try {
    pcnet::core::set_threads(1);
    return pcnet::parity::run({words + 1, words + count});
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
