#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The bytes of TensorBoard's event files (docs/formats.md#tensorboard-events): `Event` messages of
/// protocol buffers, each in a record with check sums.
namespace pcnet::report {

/// A PNG file's bytes and size.
struct EncodedPicture {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::string png;
};

using Curves = std::vector<std::pair<std::string, double>>;

/// The first event of a file. @param time seconds since 1970, as in all of them
std::string version_event(double time);
/// Says that steps from `step` on which came before this event no longer count.
std::string start_event(double time, std::int64_t step);
/// Values by tag, as 32-bit floats.
std::string scalars_event(double time, std::int64_t step, const Curves& values);
std::string image_event(double time, std::int64_t step, const std::string& tag,
                        const EncodedPicture& picture);

/// u64 length | masked CRC-32C of the length | event | masked CRC-32C of the event.
std::string event_record(std::string_view event);

}  // namespace pcnet::report
