#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/image/picture.h"

/// Parts of a page that stands in one file: no part asks for another file or the network.
namespace pcnet::report {

/// How many colours the page has for runs and curves, classes c0, c1, ...
inline constexpr std::size_t kColours = 6;

/// Any bytes as text of a page, between quotes too: valid UTF-8 without control characters, in
/// which nothing is markup.
std::string html_text(std::string_view text);

/// A table; texts as they are, no markup.
struct HtmlTable {
  std::string caption;
  std::vector<std::string> header;
  struct Row {
    std::vector<std::string> cells;  ///< the first names the row
    std::string css_class = {};      ///< "other" stands out, "part" is a part of the row above
  };
  std::vector<Row> rows;
  bool numbers = true;    ///< cells but the first are aligned to the right
  bool sortable = false;  ///< by a click on a heading
};
std::string html_table(const HtmlTable& table);

/// A picture with its caption, as JPEG or PNG, whichever is smaller.
/// @param alternative what those read who do not see it
/// @param caption markup
std::string html_figure(const image::Picture& picture, const std::string& alternative,
                        const std::string& caption);

/// A heading that can be linked to, and what is below it. @param body markup
std::string html_section(const std::string& id, const std::string& title, const std::string& body);

/// The whole page, with its style for screens, phones, dark rooms and paper, and links to the
/// sections. @param sections of html_section
std::string html_page(const std::string& title, const std::string& lead,
                      const std::vector<std::string>& sections);

}  // namespace pcnet::report
