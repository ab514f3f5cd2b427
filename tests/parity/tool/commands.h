#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace pcnet::parity {

/// A command's words: its name, then what it needs (files, mostly).
using Words = std::vector<std::string>;
using Commands = std::map<std::string, std::function<void(const Words&)>>;

void add_clip(Commands& commands);
void add_mask_generator(Commands& commands);
void add_freesolo(Commands& commands);
void add_masks(Commands& commands);
void add_pictures(Commands& commands);
void add_sam(Commands& commands);
void add_text(Commands& commands);
void add_weights(Commands& commands);

}  // namespace pcnet::parity
