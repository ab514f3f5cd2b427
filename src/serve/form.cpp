#include "pcnet/serve/form.h"

#include <algorithm>
#include <optional>
#include <string>

#include "pcnet/core/format.h"

namespace pcnet::serve {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

[[noreturn]] void refuse(const char* what) {
  throw HttpError(400, core::cat("the form is broken: ", what));
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// ASCII letters alone: what HTTP's names have.
bool equal_but_for_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

bool is_type(std::string_view content_type, std::string_view wanted) {
  return equal_but_for_case(trimmed(content_type.substr(0, content_type.find(';'))), wanted);
}

/// The value of a parameter, `; name=value` or `; name="value"`, of a header.
std::optional<std::string> parameter(std::string_view header, std::string_view name) {
  std::size_t at = header.find(';');
  while (at < header.size()) {
    const std::size_t equals = header.find('=', ++at);
    if (equals == std::string_view::npos) return std::nullopt;
    const bool found = equal_but_for_case(trimmed(header.substr(at, equals - at)), name);
    at = header.find_first_not_of(" \t", equals + 1);
    if (at == std::string_view::npos) return std::nullopt;
    std::string value;
    if (header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        const bool escaped = header[at] == '\\' && at + 1 < header.size();
        value += header[escaped ? ++at : at];
      }
      at = header.find(';', at);
    } else {
      const std::size_t end = header.find(';', at);
      value = trimmed(header.substr(at, end == std::string_view::npos ? end : end - at));
      at = end;
    }
    if (found) return value;
  }
  return std::nullopt;
}

/// The name of a part by its header lines.
std::string name_in(std::string_view lines) {
  constexpr std::string_view kDisposition = "content-disposition";
  while (!lines.empty()) {
    const std::size_t end = lines.find(kLineEnd);
    const std::string_view line = lines.substr(0, end);
    lines =
        end == std::string_view::npos ? std::string_view() : lines.substr(end + kLineEnd.size());
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) refuse("a part's header is none");
    if (!equal_but_for_case(trimmed(line.substr(0, colon)), kDisposition)) continue;
    if (const auto name = parameter(line.substr(colon + 1), "name"); name && !name->empty())
      return *name;
  }
  refuse("a part has no name");
}

}  // namespace

bool is_form(std::string_view content_type) { return is_type(content_type, "multipart/form-data"); }
bool is_json_type(std::string_view content_type) {
  return is_type(content_type, "application/json");
}

std::vector<Part> parse_form(std::string_view content_type, std::string_view body) {
  constexpr std::size_t kMostParts = 256;
  constexpr std::size_t kLongestBoundary = 70;  // RFC 2046, 5.1.1
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kLongestBoundary) {
    refuse("its Content-Type names no boundary");
  }
  const std::string mark = core::cat("--", *boundary);
  const std::string end_of_part = core::cat(kLineEnd, mark);
  std::size_t at = body.starts_with(mark) ? 0 : body.find(end_of_part);
  if (at == std::string_view::npos) refuse("its boundary is not in it");
  at += at == 0 ? mark.size() : end_of_part.size();
  std::vector<Part> parts;
  while (!body.substr(at).starts_with("--")) {
    at = body.find_first_not_of(" \t", at);
    if (at == std::string_view::npos || !body.substr(at).starts_with(kLineEnd)) {
      refuse("a boundary does not end its line");
    }
    at += kLineEnd.size();
    const std::size_t head_end = body.find("\r\n\r\n", at);
    if (head_end == std::string_view::npos) refuse("it is cut short");
    const std::size_t begin = head_end + 2 * kLineEnd.size();
    // A part without content ends with the line end that ends its header.
    const std::size_t end = body.find(end_of_part, head_end + kLineEnd.size());
    if (end == std::string_view::npos) refuse("it is cut short");
    if (parts.size() == kMostParts) throw HttpError(413, "the form has more than 256 parts");
    parts.push_back({name_in(body.substr(at, head_end - at)),
                     std::string(body.substr(begin, std::max(end, begin) - begin))});
    at = end + end_of_part.size();
  }
  return parts;
}

}  // namespace pcnet::serve
