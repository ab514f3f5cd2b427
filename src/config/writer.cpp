#include <algorithm>

#include <nlohmann/json.hpp>

#include "pcnet/config/config.h"
#include "pcnet/core/format.h"

#include "schema.h"

namespace pcnet::config {

namespace {

using Json = nlohmann::ordered_json;

struct ToJson {
  const Field& field;

  Json operator()(std::monostate) const { return Json::object(); }
  Json operator()(const AnyChoice* value) const { return word_of(field, *value); }
  template <class T>
  Json operator()(const T* value) const {
    return *value;
  }
};

// "a.b.c" -> "/a/b/c"; keys hold no '/' or '~'.
Json::json_pointer pointer(std::string key) {
  std::replace(key.begin(), key.end(), '.', '/');
  return Json::json_pointer("/" + key);
}

}  // namespace

Json to_json(const Config& config) {
  Config copy = config;
  Json out = Json::object();
  for (const auto& field : bind(copy))
    out[pointer(field.key)] = std::visit(ToJson{field}, field.slot);
  return out;
}

std::string to_yaml(const Config& config) {
  Config copy = config;
  std::string out;
  for (const auto& field : bind(copy)) {
    const auto depth = std::count(field.key.begin(), field.key.end(), '.');
    out.append(2 * static_cast<std::size_t>(depth), ' ');
    out += field.key.substr(field.key.rfind('.') + 1);
    out += field.is_section() ? ":\n" : core::cat(": ", value_text(field), "\n");
  }
  return out;
}

std::vector<KeyDoc> documentation() {
  Config defaults;
  std::vector<KeyDoc> out;
  for (const auto& field : bind(defaults)) {
    if (field.is_section()) continue;
    out.push_back({.key = field.key,
                   .type = type_name(field),
                   .unit = std::string(field.info.unit),
                   .default_value = value_text(field),
                   .help = std::string(field.info.help),
                   .source = std::string(field.info.source),
                   .range = range_text(field),
                   .affects = field.info.affects,
                   .packed = field.info.packed});
  }
  return out;
}

std::vector<Difference> difference(const Config& left, const Config& right) {
  Config left_copy = left;
  Config right_copy = right;
  const auto left_fields = bind(left_copy);
  const auto right_fields = bind(right_copy);
  std::vector<Difference> out;
  for (std::size_t i = 0; i < left_fields.size(); ++i) {
    const Field& field = left_fields[i];
    Difference change{.key = field.key,
                      .left = value_text(field),
                      .right = value_text(right_fields[i]),
                      .affects = field.info.affects,
                      .path = field.info.path};
    if (change.left != change.right) out.push_back(std::move(change));
  }
  return out;
}

Config with_default_answers(Config config) {
  Config plain;
  const auto defaults = bind(plain);
  const auto fields = bind(config);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].info.affects != Affects::kAnswers) continue;
    std::visit(
        [&]<class Value>(const Value& value) {
          if constexpr (std::is_pointer_v<Value>) *value = *std::get<Value>(defaults[i].slot);
        },
        fields[i].slot);
  }
  return config;
}

}  // namespace pcnet::config
