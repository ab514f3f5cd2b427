#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pcnet::data {

/// The elements of the named lists of a JSON object, as slices of its text: each can be parsed on
/// its own, so that a large file never becomes one large document. What is no element is checked
/// here, the elements are not. Error with the byte when the text is broken around them, when a
/// named member is no list or when it occurs twice.
std::map<std::string, std::vector<std::string_view>> slice_lists(
    std::string_view text, const std::vector<std::string>& names);

}  // namespace pcnet::data
