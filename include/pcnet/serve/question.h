#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/serve/call.h"
#include "pcnet/serve/limits.h"

namespace pcnet::serve {

/// A click on an image, in its pixels.
struct Click {
  double x = 0;
  double y = 0;
  bool on_object = true;
};

/// What POST /v1/predict is asked (docs/serve.md#predict).
struct Question {
  std::string image;     ///< a file's bytes
  std::string image_id;  ///< an image that was sent before; one of the two is empty
  std::vector<std::string> texts;
  /// Of each text: its cues, none for the text itself; nothing: by the rules. Empty: of every text.
  std::vector<std::optional<std::vector<std::string>>> cues;
  /// Of each text; empty: the peak is asked about.
  std::vector<std::vector<Click>> clicks;
  std::string segmentor;  ///< empty: the server's
  bool maps = false;
  std::int64_t map_size = 512;
};

/// Of a JSON document, which is not taken apart as a whole: an image is the greater part of it.
/// HttpError 400 for what is broken, missing, unknown or of another type; 413 for more than the
/// limits.
Question parse_question(std::string_view json, const Limits& limits);

/// The same of a form's fields.
Question parse_question(std::span<const Part> parts, const Limits& limits);

}  // namespace pcnet::serve
