#include "pcnet/report/html_page.h"

#include <utility>

#include "pcnet/core/base64.h"
#include "pcnet/core/format.h"
#include "pcnet/image/jpeg.h"
#include "pcnet/text/utf8.h"

#include "report/html_style.h"

namespace pcnet::report {

using core::cat;

namespace {

std::string cells_of(const HtmlTable::Row& row) {
  std::string out;
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    out += i == 0 ? cat("<th scope=\"row\">", html_text(row.cells[i]), "</th>")
                  : cat("<td>", html_text(row.cells[i]), "</td>");
  }
  return out;
}

/// The link to a section, which begins with its id and heading.
std::string link_to(const std::string& section) {
  const auto between = [&](std::string_view start, std::string_view end) {
    const std::size_t from = section.find(start) + start.size();
    return section.substr(from, section.find(end, from) - from);
  };
  return cat("<a href=\"#", between("id=\"", "\""), "\">", between("<h2>", "</h2>"), "</a>\n");
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text::valid_utf8(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // A page may not hold control characters, not even by number.
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
          out += "\xef\xbf\xbd";
        } else {
          out += c;
        }
    }
  }
  return out;
}

std::string html_table(const HtmlTable& table) {
  std::string out = cat("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"",
                        html_text(table.caption), "\"><table class=\"",
                        table.numbers ? "numbers" : "texts", table.sortable ? " sortable" : "",
                        "\"><caption>", html_text(table.caption), "</caption>\n<thead><tr>");
  for (const auto& name : table.header) {
    out += cat("<th scope=\"col\">", html_text(name), "</th>");
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    const std::string css = row.css_class.empty() ? "" : cat(" class=\"", row.css_class, "\"");
    out += cat("<tr", css, ">", cells_of(row), "</tr>\n");
  }
  return out + "</tbody></table></div>\n";
}

std::string html_figure(const image::Picture& picture, const std::string& alternative,
                        const std::string& caption) {
  constexpr int kQuality = 85;
  std::string bytes = image::encode_png(picture);
  const char* type = "png";
  if (std::string jpeg = image::encode_jpeg(picture, kQuality); jpeg.size() < bytes.size()) {
    bytes = std::move(jpeg);
    type = "jpeg";
  }
  return cat("<figure><img loading=\"lazy\" width=\"", picture.width, "\" height=\"",
             picture.height, "\" alt=\"", html_text(alternative), "\" src=\"data:image/", type,
             ";base64,", core::to_base64(bytes), "\"><figcaption>", caption,
             "</figcaption></figure>\n");
}

std::string html_section(const std::string& id, const std::string& title, const std::string& body) {
  return cat("<section id=\"", html_text(id), "\">\n<h2>", html_text(title), "</h2>\n", body,
             "</section>\n");
}

std::string html_page(const std::string& title, const std::string& lead,
                      const std::vector<std::string>& sections) {
  std::string out =
      cat("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
          html_text(title), "</title>\n<style>\n", kPageStyle,
          "</style>\n</head>\n<body>\n<header>\n<h1>", html_text(title), "</h1>\n", lead,
          "<nav aria-label=\"Sections\">\n");
  for (const auto& section : sections) out += link_to(section);
  out += "</nav>\n</header>\n<main>\n";
  for (const auto& section : sections) out += section;
  return out + cat("</main>\n<script>\n", kPageScript, "</script>\n</body>\n</html>\n");
}

}  // namespace pcnet::report
