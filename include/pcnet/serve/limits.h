#pragma once

#include <cstdint>

namespace pcnet::serve {

/// What a request may ask for; more is a 4xx.
struct Limits {
  std::int64_t body_bytes = std::int64_t{32} << 20;
  std::int64_t pixels = 50'000'000;  ///< of an image, which its header names
  std::int64_t texts = 16;
  std::int64_t text_bytes = 1000;  ///< of a text or cue
  std::int64_t cues = 16;          ///< of a text
  std::int64_t clicks = 64;        ///< on a text's object
  std::int64_t queue = 64;         ///< requests that are read or answered at once
  double seconds = 30;             ///< from the head of a request to its answer
};

}  // namespace pcnet::serve
