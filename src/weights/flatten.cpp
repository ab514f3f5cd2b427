#include "flatten.h"

#include <unordered_set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::weights {

namespace {

using core::cat;
using core::Error;
using List = PickleValue::List;
using Dict = PickleValue::Dict;
using Tuple = PickleValue::Tuple;

constexpr std::size_t kLongestText = 256;
constexpr std::string_view kRoot = "tensor";  // the name of a tensor that was saved alone

/// A number in the fewest digits that give it back, as Python prints it.
std::string shortest(double value) {
  for (int digits = 1; digits < 17; ++digits) {
    std::ostringstream out;
    out.precision(digits);
    out << value;
    if (std::strtod(out.str().c_str(), nullptr) == value) return out.str();
  }
  std::ostringstream out;
  out.precision(17);
  out << value;
  return out.str();
}

/// A plain value as text; none for containers, bytes and long strings.
struct AsText {
  using Text = std::optional<std::string>;
  Text operator()(PickleValue::None) const { return "None"; }
  Text operator()(bool value) const { return value ? "True" : "False"; }
  Text operator()(std::int64_t value) const { return cat(value); }
  Text operator()(double value) const { return shortest(value); }
  Text operator()(const std::string& value) const {
    return value.size() <= kLongestText ? Text(value) : std::nullopt;
  }
  template <class Other>
  Text operator()(const Other&) const {
    return std::nullopt;
  }
};

class Flattener {
 public:
  Flattener(const TorchPickle& pickle, const BuildTensor& build, std::uint64_t most_name_bytes)
      : pickle_(pickle), build_(build), most_name_bytes_(most_name_bytes) {}

  Flat run() {
    visit(pickle_.root, "");
    return std::move(flat_);
  }

 private:
  void visit(const PickleValue& value, const std::string& name) {
    if (const auto* tensor = pickle_.find<PickledTensor>(value)) return add(*tensor, name);
    if (const auto* imported = pickle_.find<PickledName>(value)) {
      return add_value(name, imported->text);
    }
    if (pickle_.find<PickledStorage>(value) != nullptr) {
      throw Error(cat("'", name, "' is a storage without a tensor, wanted tensors"));
    }
    if (const auto* list = std::get_if<std::shared_ptr<List>>(&value.value)) {
      return visit_items(**list, name);
    }
    if (const auto* tuple = std::get_if<std::shared_ptr<Tuple>>(&value.value)) {
      return visit_items((*tuple)->items, name);
    }
    if (const auto* dict = std::get_if<std::shared_ptr<Dict>>(&value.value)) {
      const auto* object = pickle_.find<PickledObject>(value);
      return visit_pairs(**dict, name, object != nullptr && object->script);
    }
    const auto text = std::visit(AsText(), value.value);
    if (text) add_value(name, *text);
  }

  void visit_items(const List& items, const std::string& name) {
    for (std::size_t i = 0; i < items.size(); ++i) visit(items[i], below(name, cat(i)));
  }

  void visit_pairs(const Dict& pairs, const std::string& name, bool script) {
    for (const auto& [key, item] : pairs) {
      const bool slot = std::holds_alternative<bool>(item.value) ||
                        std::holds_alternative<PickleValue::None>(item.value);
      if (script && slot) continue;
      visit(item, below(name, key_text(key, name)));
    }
  }

  std::string key_text(const PickleValue& key, const std::string& name) const {
    if (const auto* text = std::get_if<std::string>(&key.value)) return *text;
    if (const auto* imported = pickle_.find<PickledName>(key)) return imported->text;
    if (const auto* tuple = std::get_if<std::shared_ptr<Tuple>>(&key.value)) {
      std::string parts;
      for (const auto& item : (*tuple)->items) {
        parts += (parts.empty() ? "" : ", ") + plain_key(item, name);
      }
      return "(" + parts + ")";
    }
    return plain_key(key, name);
  }

  std::string plain_key(const PickleValue& key, const std::string& name) const {
    const auto text = std::visit(AsText(), key.value);
    if (!text) throw Error(cat("a key of '", name, "' is neither text nor number"));
    return *text;
  }

  std::string below(const std::string& name, const std::string& key) {
    std::string whole = name.empty() ? key : cat(name, ".", key);
    name_bytes_ += whole.size();
    if (name_bytes_ > most_name_bytes_) {
      throw Error(cat("the names in it written out are more than ", most_name_bytes_,
                      " bytes (a reference bomb)"));
    }
    return whole;
  }

  void add(const PickledTensor& tensor, const std::string& given) {
    const std::string name = given.empty() ? std::string(kRoot) : given;
    if (!names_.insert(name).second) throw Error(cat("two tensors are called '", name, "'"));
    flat_.tensors.emplace_back(name, build_(tensor, name));
  }

  void add_value(const std::string& name, const std::string& text) {
    flat_.values.emplace_back(name, text);
  }

  const TorchPickle& pickle_;
  const BuildTensor& build_;
  std::uint64_t most_name_bytes_;
  std::uint64_t name_bytes_ = 0;
  std::unordered_set<std::string> names_;
  Flat flat_;
};

}  // namespace

Flat flatten(const TorchPickle& pickle, const BuildTensor& build, std::uint64_t most_name_bytes) {
  return Flattener(pickle, build, most_name_bytes).run();
}

}  // namespace pcnet::weights
