#pragma once

#include <string_view>
#include <vector>

#include "pcnet/serve/call.h"

namespace pcnet::serve {

/// Whether a Content-Type is that of a form.
bool is_form(std::string_view content_type);
/// Whether it is that of JSON.
bool is_json_type(std::string_view content_type);

/// The fields of a form (RFC 7578) in their order, files among them. HttpError 400 for what is no
/// whole form, or a part without a name; 413 for more than 256 parts.
std::vector<Part> parse_form(std::string_view content_type, std::string_view body);

}  // namespace pcnet::serve
