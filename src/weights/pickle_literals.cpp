#include "pickle_literals.h"

#include "pickle_text.h"

namespace pcnet::weights {

namespace {

using Op = PickleOp;

PickleValue int_line(PickleStream& stream) {
  const std::string_view line = stream.take_line();
  if (line == "00" || line == "01") return line == "01";
  return stream.to_integer(line);
}

PickleValue long_line(PickleStream& stream) {
  std::string_view line = stream.take_line();
  if (line.ends_with('L')) line.remove_suffix(1);
  return stream.to_integer(line);
}

PickleValue quoted(PickleStream& stream) {
  const auto bytes = unquote(stream.take_line());
  if (!bytes) stream.fail("the string is not quoted as Python quotes");
  return text_from_bytes(*bytes);
}

PickleValue escaped(PickleStream& stream) {
  auto text = from_raw_unicode_escape(stream.take_line());
  if (!text) stream.fail("the string has a broken \\u escape");
  return std::move(*text);
}

PickleValue byte_string(PickleStream& stream, int length_bytes) {
  return text_from_bytes(stream.take(stream.take_number(length_bytes)));
}

PickleValue unicode(PickleStream& stream, int length_bytes) {
  const std::string_view raw = stream.take(stream.take_number(length_bytes));
  if (!is_utf8(raw)) stream.fail("the string is not UTF-8");
  return std::string(raw);
}

PickleValue bytes_of(PickleStream& stream, int length_bytes) {
  PickleValue value;
  value.value = PickleValue::Bytes{std::string(stream.take(stream.take_number(length_bytes)))};
  return value;
}

std::optional<PickleValue> take_number(Op op, PickleStream& stream) {
  switch (op) {
    case Op::kNone:
      return PickleValue();
    case Op::kNewTrue:
      return true;
    case Op::kNewFalse:
      return false;
    case Op::kBinInt1:
      return static_cast<std::int64_t>(stream.take_number(1));
    case Op::kBinInt2:
      return static_cast<std::int64_t>(stream.take_number(2));
    case Op::kBinInt:
      return static_cast<std::int32_t>(stream.take_number(4));
    case Op::kLong1:
      return stream.take_long(stream.take_number(1));
    case Op::kLong4:
      return stream.take_long(stream.take_number(4));
    case Op::kInt:
      return int_line(stream);
    case Op::kLong:
      return long_line(stream);
    case Op::kFloat:
      return stream.to_float(stream.take_line());
    case Op::kBinFloat:
      return stream.take_binary_float();
    default:
      return std::nullopt;
  }
}

std::optional<PickleValue> take_text(Op op, PickleStream& stream) {
  switch (op) {
    case Op::kString:
      return quoted(stream);
    case Op::kUnicode:
      return escaped(stream);
    case Op::kBinString:
      return byte_string(stream, 4);
    case Op::kShortBinString:
      return byte_string(stream, 1);
    case Op::kShortBinUnicode:
      return unicode(stream, 1);
    case Op::kBinUnicode:
      return unicode(stream, 4);
    case Op::kBinUnicode8:
      return unicode(stream, 8);
    case Op::kShortBinBytes:
      return bytes_of(stream, 1);
    case Op::kBinBytes:
      return bytes_of(stream, 4);
    case Op::kBinBytes8:
    case Op::kByteArray8:
      return bytes_of(stream, 8);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<PickleValue> take_literal(PickleOp op, PickleStream& stream) {
  auto number = take_number(op, stream);
  return number ? std::move(number) : take_text(op, stream);
}

}  // namespace pcnet::weights
