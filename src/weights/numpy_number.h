#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "pcnet/weights/pickle.h"

namespace pcnet::weights {

inline constexpr std::string_view kNumPy = "numpy.";  ///< before the name of a dtype
inline constexpr std::size_t kMostSides = 64;         ///< of an array: NumPy's own limit

/// One little-endian number of a NumPy dtype ("numpy.f8", "numpy.i8", "numpy.b1", ...); none when
/// the type is not read or the bytes are not its size.
std::optional<PickleValue> numpy_number(std::string_view dtype, std::string_view bytes);

/// The bytes whose Latin-1 reading is that UTF-8 text; none when a letter is beyond Latin-1.
std::optional<std::string> latin1_bytes(std::string_view text);

}  // namespace pcnet::weights
