#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pcnet::cues {

/// Where the brackets end that the text starts with, JSON's strings skipped; 0 when they do not.
std::size_t end_of_brackets(std::string_view text);

/// The elements of the list that the text starts with ('['), in any quotes or none. An unfinished
/// last one is left out.
std::vector<std::string> quoted_in_brackets(std::string_view text);

/// The items of a text without brackets: numbered or dashed lines; else the lines; of a single line
/// what stands in quotes, or between its marks.
std::vector<std::string> listed_lines(std::string_view text);

/// Without the quotes, marks and bullets round it, and with single spaces.
std::string cleaned_phrase(std::string_view phrase);

}  // namespace pcnet::cues
