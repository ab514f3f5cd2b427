#include "pcnet/report/event_bytes.h"

#include <bit>

#include "pcnet/core/crc32c.h"

namespace pcnet::report {

namespace {

// Field numbers of tensorflow's event.proto and summary.proto.
constexpr int kEventTime = 1;
constexpr int kEventStep = 2;
constexpr int kEventVersion = 3;
constexpr int kEventSummary = 5;
constexpr int kEventSession = 7;
constexpr int kSessionStatus = 1;
constexpr std::uint64_t kSessionStart = 1;
constexpr int kSummaryValue = 1;
constexpr int kValueTag = 1;
constexpr int kValueNumber = 2;
constexpr int kValueImage = 4;
constexpr int kImageHeight = 1;
constexpr int kImageWidth = 2;
constexpr int kImageColours = 3;
constexpr int kImageBytes = 4;
constexpr std::uint64_t kRgb = 3;

// Wire types of protocol buffers.
constexpr std::uint64_t kVarint = 0;
constexpr std::uint64_t kEightBytes = 1;
constexpr std::uint64_t kBytes = 2;
constexpr std::uint64_t kFourBytes = 5;

void append_little(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xffU));
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80U; value >>= 7) out.push_back(static_cast<char>((value & 0x7fU) | 0x80U));
  out.push_back(static_cast<char>(value));
}

void append_key(std::string& out, int field, std::uint64_t wire_type) {
  append_varint(out, static_cast<std::uint64_t>(field) << 3 | wire_type);
}

void append_number(std::string& out, int field, std::uint64_t value) {
  append_key(out, field, kVarint);
  append_varint(out, value);
}

void append_bytes(std::string& out, int field, std::string_view bytes) {
  append_key(out, field, kBytes);
  append_varint(out, bytes.size());
  out += bytes;
}

/// Time and step, which every event begins with.
std::string event_head(double time, std::int64_t step) {
  std::string event;
  append_key(event, kEventTime, kEightBytes);
  append_little(event, std::bit_cast<std::uint64_t>(time), 8);
  if (step != 0) append_number(event, kEventStep, static_cast<std::uint64_t>(step));
  return event;
}

/// Rotated and shifted, as TFRecord does it: a check sum of data that holds check sums is weak.
std::uint32_t masked(std::uint32_t sum) { return std::rotr(sum, 15) + 0xa282ead8U; }

}  // namespace

std::string version_event(double time) {
  std::string event = event_head(time, 0);
  append_bytes(event, kEventVersion, "brain.Event:2");
  return event;
}

std::string start_event(double time, std::int64_t step) {
  std::string session;
  append_number(session, kSessionStatus, kSessionStart);
  std::string event = event_head(time, step);
  append_bytes(event, kEventSession, session);
  return event;
}

std::string scalars_event(double time, std::int64_t step, const Curves& values) {
  std::string summary;
  for (const auto& [tag, number] : values) {
    std::string value;
    append_bytes(value, kValueTag, tag);
    append_key(value, kValueNumber, kFourBytes);
    append_little(value, std::bit_cast<std::uint32_t>(static_cast<float>(number)), 4);
    append_bytes(summary, kSummaryValue, value);
  }
  std::string event = event_head(time, step);
  append_bytes(event, kEventSummary, summary);
  return event;
}

std::string image_event(double time, std::int64_t step, const std::string& tag,
                        const EncodedPicture& picture) {
  std::string image;
  append_number(image, kImageHeight, static_cast<std::uint64_t>(picture.height));
  append_number(image, kImageWidth, static_cast<std::uint64_t>(picture.width));
  append_number(image, kImageColours, kRgb);
  append_bytes(image, kImageBytes, picture.png);
  std::string value;
  append_bytes(value, kValueTag, tag);
  append_bytes(value, kValueImage, image);
  std::string summary;
  append_bytes(summary, kSummaryValue, value);
  std::string event = event_head(time, step);
  append_bytes(event, kEventSummary, summary);
  return event;
}

std::string event_record(std::string_view event) {
  std::string record;
  record.reserve(event.size() + 16);
  append_little(record, event.size(), 8);
  append_little(record, masked(core::crc32c(record)), 4);
  record += event;
  append_little(record, masked(core::crc32c(event)), 4);
  return record;
}

}  // namespace pcnet::report
