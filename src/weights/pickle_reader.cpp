#include <algorithm>
#include <array>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/weights/pickle.h"

#include "pickle_machine.h"
#include "pickle_text.h"

namespace pcnet::weights {

namespace {

/// A copy in text mode writes every line feed as CR LF: none is left alone.
bool was_copied_as_text(std::string_view bytes) {
  std::size_t feeds = 0;
  for (std::size_t at = bytes.find('\n'); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    if (at == 0 || bytes[at - 1] != '\r') return false;
    ++feeds;
  }
  return feeds > 0;
}

}  // namespace

std::optional<std::string> pickle_text(const PickleValue& value) {
  if (const auto* text = std::get_if<std::string>(&value.value)) return *text;
  const auto* bytes = std::get_if<PickleValue::Bytes>(&value.value);
  return bytes == nullptr ? std::nullopt : std::optional(text_from_bytes(bytes->data));
}

std::string pickle_kind(const PickleValue& value) {
  static constexpr std::array kKinds = {
      "None",   "True or False", "a whole number", "a number with a point", "a text", "bytes",
      "a list", "a tuple",       "a dict"};
  static_assert(kKinds.size() == std::variant_size_v<decltype(value.value)>);
  return kKinds.at(value.value.index());
}

PickleValue read_pickle(std::string_view bytes, std::string_view name) {
  try {
    return PickleMachine(bytes, name).read();
  } catch (const core::Error& error) {
    if (!was_copied_as_text(bytes)) throw;
    throw core::Error(
        core::cat(error.what(),
                  "; each of its line feeds follows a carriage return: it was copied "
                  "in text mode, which spoils pickles; fetch it again in binary mode"));
  }
}

}  // namespace pcnet::weights
