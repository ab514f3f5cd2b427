#include "reader.h"

#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "value.h"

namespace pcnet::config {

namespace {

std::string last_word(const std::string& key) { return key.substr(key.rfind('.') + 1); }

std::string section_of(const std::string& key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}

std::string joined(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : core::cat(prefix, ".", name);
}

}  // namespace

Reader::Reader() : fields_(bind(resolved_.values)) {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    index_[fields_[i].key] = i;
    if (!fields_[i].is_section()) resolved_.origins[fields_[i].key] = "default";
  }
}

void Reader::set_defaults(const Config& defaults, const std::string& origin) {
  for (const auto& change : difference(resolved_.values, defaults)) {
    resolved_.origins[change.key] = origin;
  }
  resolved_.values = defaults;
}

void Reader::apply(const Layer& layer) {
  if (!layer.key_prefix.empty()) {
    apply_value(layer, layer.name, layer.key_prefix, layer.root);
  } else if (layer.root.IsMap()) {
    apply_section(layer, "", layer.root);
  } else if (!layer.root.IsNull()) {
    faults_.push_back(core::cat(layer.name, ": got ", describe(layer.root),
                                ", wanted sections (data, model, ...)"));
  }
}

void Reader::apply_section(const Layer& layer, const std::string& prefix, const YAML::Node& node) {
  std::map<std::string, std::string> seen;  // name -> where
  for (const auto& pair : node) {
    const std::string where = layer.where(pair.first);
    if (!pair.first.IsScalar()) {
      faults_.push_back(
          core::cat(where, ": got ", describe(pair.first), " as a key, wanted a word"));
      continue;
    }
    const std::string& name = pair.first.Scalar();
    const auto [first, fresh] = seen.try_emplace(name, where);
    if (!fresh) {
      faults_.push_back(core::cat(where, ": duplicate key ", double_quoted(joined(prefix, name)),
                                  ", first given at ", first->second));
      continue;
    }
    if (prefix.empty() && layer.has_lines && name == "extends") continue;
    apply_value(layer, where, joined(prefix, name), pair.second);
  }
}

void Reader::apply_value(const Layer& layer, const std::string& where, const std::string& key,
                         const YAML::Node& node) {
  const auto found = index_.find(key);
  if (found == index_.end()) {
    faults_.push_back(core::cat(where, ": ", unknown(key)));
    return;
  }
  const Field& field = fields_[found->second];
  if (field.is_section() && node.IsMap()) {
    apply_section(layer, key, node);
    return;
  }
  const std::string fault = assign(field, node);
  if (fault.empty()) {
    resolved_.origins[key] = where;
  } else {
    faults_.push_back(core::cat(where, ": ", key, ": ", fault));
  }
}

// The nearest name in the same section; else the same name in other sections; else the nearest key.
std::string Reader::unknown(const std::string& key) const {
  std::vector<std::string> siblings;
  std::vector<std::string> namesakes;
  std::vector<std::string> all;
  for (const auto& field : fields_) {
    all.push_back(field.key);
    if (section_of(field.key) == section_of(key)) siblings.push_back(last_word(field.key));
    if (last_word(field.key) == last_word(key)) namesakes.push_back(field.key);
  }
  std::string near = core::nearest(last_word(key), siblings);
  if (!near.empty()) {
    near = joined(section_of(key), near);
  } else if (!namesakes.empty()) {
    near = core::join(namesakes, "\" or \"");
  } else {
    near = core::nearest(key, all);
  }
  return core::cat("unknown key ", double_quoted(key),
                   near.empty() ? "; `pcnet config docs` lists the keys"
                                : core::cat(" (did you mean \"", near, "\"?)"));
}

ResolvedConfig Reader::finish(const std::vector<std::string>& faults,
                              const std::vector<std::string>& broken) {
  std::vector<std::string> all = faults;
  all.insert(all.end(), faults_.begin(), faults_.end());
  all.insert(all.end(), broken.begin(), broken.end());
  if (!all.empty()) throw core::ConfigError(core::join(all, "\n"));
  return std::move(resolved_);
}

}  // namespace pcnet::config
