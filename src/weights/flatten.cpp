#include "flatten.h"

#include <algorithm>
#include <optional>
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
using Texts = std::vector<std::pair<std::string, std::string>>;

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
    const auto is_tensor = [](const auto& mark) {
      return std::holds_alternative<PickledTensor>(mark.second);
    };
    const auto tensors = std::count_if(pickle_.marks.begin(), pickle_.marks.end(), is_tensor);
    flat_.hidden_tensors = static_cast<std::size_t>(tensors) - shown_.size();
    return std::move(flat_);
  }

 private:
  void visit(const PickleValue& value, const std::string& name) {
    if (const auto* tensor = pickle_.find<PickledTensor>(value)) {
      shown_.insert(container_address(value));
      return add(*tensor, name);
    }
    if (const auto type = opaque_type(value)) return add_text(flat_.opaque, name, *type);
    if (const auto* imported = pickle_.find<PickledName>(value)) {
      return add_text(flat_.values, name, imported->text);
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
    if (text) add_text(flat_.values, name, *text);
  }

  /// The type of what is neither tensor nor plain data.
  std::optional<std::string> opaque_type(const PickleValue& value) const {
    if (const auto* opaque = pickle_.find<PickledOpaque>(value)) return opaque->type;
    const auto* imported = pickle_.find<PickledName>(value);
    if (imported != nullptr && imported->is_foreign()) return imported->text;
    if (pickle_.find<PickledStorage>(value) != nullptr) return "a storage without a tensor";
    return std::nullopt;
  }

  void visit_items(const List& items, const std::string& name) {
    for (std::size_t i = 0; i < items.size(); ++i) visit(items[i], below(name, cat(i)));
  }

  void visit_pairs(const Dict& pairs, const std::string& name, bool script) {
    for (const auto& [key, item] : pairs) {
      const bool slot = std::holds_alternative<bool>(item.value) ||
                        std::holds_alternative<PickleValue::None>(item.value);
      if (script && slot) continue;
      if (const auto text = key_text(key)) {
        visit(item, below(name, *text));
      } else {
        const std::string type = opaque_type(key).value_or("bytes, tuple or tensor");
        add_text(flat_.opaque, name, cat("an entry under a key of type ", type));
      }
    }
  }

  /// A key as a part of a name; none for bytes, nested tuples, tensors and what is opaque.
  std::optional<std::string> key_text(const PickleValue& key) const {
    if (opaque_type(key) || pickle_.find<PickledTensor>(key) != nullptr) return std::nullopt;
    if (const auto* text = std::get_if<std::string>(&key.value)) return *text;
    if (const auto* imported = pickle_.find<PickledName>(key)) return imported->text;
    const auto* tuple = std::get_if<std::shared_ptr<Tuple>>(&key.value);
    if (tuple == nullptr) return std::visit(AsText(), key.value);
    std::vector<std::string> parts;
    for (const auto& item : (*tuple)->items) {
      const auto part = std::visit(AsText(), item.value);
      if (!part) return std::nullopt;
      parts.push_back(*part);
    }
    return cat("(", core::join(parts, ", "), ")");
  }

  std::string below(const std::string& name, const std::string& key) {
    std::string whole = name.empty() ? key : cat(name, ".", key);
    count_bytes(whole.size());
    return whole;
  }

  void count_bytes(std::size_t more) {
    name_bytes_ += more;
    if (name_bytes_ > most_name_bytes_) {
      throw Error(cat("the names in it written out are more than ", most_name_bytes_,
                      " bytes (a reference bomb)"));
    }
  }

  void add(const PickledTensor& tensor, const std::string& given) {
    const std::string name = given.empty() ? std::string(kRoot) : given;
    if (!names_.insert(name).second) throw Error(cat("two tensors are called '", name, "'"));
    flat_.tensors.emplace_back(name, build_(tensor, name));
  }

  void add_text(Texts& texts, const std::string& name, const std::string& text) {
    count_bytes(text.size());
    texts.emplace_back(name, text);
  }

  const TorchPickle& pickle_;
  const BuildTensor& build_;
  std::uint64_t most_name_bytes_;
  std::uint64_t name_bytes_ = 0;
  std::unordered_set<std::string> names_;
  std::unordered_set<const void*> shown_;  // the tensors that have a name
  Flat flat_;
};

}  // namespace

Flat flatten(const TorchPickle& pickle, const BuildTensor& build, std::uint64_t most_name_bytes) {
  return Flattener(pickle, build, most_name_bytes).run();
}

}  // namespace pcnet::weights
