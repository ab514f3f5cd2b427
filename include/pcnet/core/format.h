#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace pcnet::core {

/// The arguments written one after the other, as `std::ostream` writes them.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// `value` with a fixed number of decimals, with a point whatever the locale: fixed(62.512, 1) is
/// "62.5".
std::string fixed(double value, int decimals);

/// A byte count for people: "1.5 GiB".
std::string human_bytes(std::uint64_t bytes);

/// A duration for people: "4.2 s", "3:07", "1:02:09"; "unknown" when it is not finite.
std::string human_seconds(double seconds);

/// The parts with `separator` between them.
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// The candidate with the smallest edit distance to `word`, empty when none is near
/// (more than a third of its letters differ, at least two).
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace pcnet::core
