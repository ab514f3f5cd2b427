#pragma once

#include <string>
#include <vector>

#include "command.h"

namespace pcnet::app {

/// The options that say where a mask comes from (docs/cli.md#segmentors); they override the `eval`
/// section.
struct SegmentorArguments {
  std::string segmentor;
  std::string sam;
  std::string embeddings;
};

/// @param words the segmentors that the command takes, "none|sam"
void add_segmentor_options(CLI::App& command, SegmentorArguments& arguments,
                           const std::string& words);

/// Adds them to the overrides. UsageError for a file of Segment Anything that nothing would read.
void add_segmentor(std::vector<std::string>& overrides, const SegmentorArguments& arguments);

}  // namespace pcnet::app
