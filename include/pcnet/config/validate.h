#pragma once

#include <string>
#include <vector>

#include "pcnet/config/config.h"

/// Rules that no value breaks by itself. Each is written once; whoever is made from options checks
/// those of its own, `load` all of them before any file of data is opened.
namespace pcnet::config {

/// What a configuration says wrong, a text a rule.
std::vector<std::string> broken_rules(const Config& config);
/// ConfigError that lists them, one a line.
void validate(const Config& config);

/// The same for a part, with the ranges of options that no file was read for.
void validate(const VisualOptions& options);
void validate(const TextOptions& options);
void validate(const ReferringOptions& options);
void validate(const CriterionOptions& options);
/// @param mirrored whether captions are compared with themselves turned round
void validate(const ContrastiveBatchOptions& options, bool mirrored);

}  // namespace pcnet::config
