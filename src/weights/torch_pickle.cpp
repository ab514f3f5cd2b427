#include "torch_pickle.h"

#include <unordered_set>

#include "pcnet/core/format.h"

#include "numpy_number.h"
#include "pickle_machine.h"
#include "torch_names.h"

namespace pcnet::weights {

namespace {

using core::cat;
using List = PickleValue::List;
using Dict = PickleValue::Dict;
using Tuple = PickleValue::Tuple;
using Op = PickleOp;
using Kind = TorchName::Kind;

constexpr std::size_t kMostSides = 64;
constexpr std::size_t kShown = 100;  // characters of a foreign name shown in an error

template <class T>
const T* shared(const PickleValue& value) {
  const auto* held = std::get_if<std::shared_ptr<T>>(&value.value);
  return held == nullptr ? nullptr : held->get();
}

/// The pickle machine with the few names that weight files need.
class TorchMachine : public PickleMachine {
 public:
  using PickleMachine::PickleMachine;

  TorchPickle read_all() {
    result_.root = read();
    return std::move(result_);
  }

 protected:
  bool run_code(Op op) override {
    switch (op) {
      case Op::kGlobal:
      case Op::kInst:
        import_lines(op);
        return true;
      case Op::kStackGlobal:
        import_stack();
        return true;
      case Op::kPersId:
        stream().fail("it names a storage as text, wanted a tuple");
      case Op::kBinPersId:
        run_persistent();
        return true;
      case Op::kReduce:
      case Op::kNewObj:
        run_call();
        return true;
      case Op::kBuild:
        run_build();
        return true;
      default:
        return false;
    }
  }

 private:
  // --- names ------------------------------------------------------------------------------------
  void import_lines(Op op) {
    const std::string module(stream().take_line());
    const std::string name(stream().take_line());
    if (op == Op::kInst) refuse_name(module, name);
    import_name(module, name);
  }

  void import_stack() {
    const PickleValue name = pop();
    const PickleValue module = pop();
    const auto* name_text = std::get_if<std::string>(&name.value);
    const auto* module_text = std::get_if<std::string>(&module.value);
    if (name_text == nullptr || module_text == nullptr) {
      stream().fail("what it imports is no name: the stream is damaged");
    }
    import_name(*module_text, *name_text);
  }

  void import_name(const std::string& module, const std::string& name) {
    const TorchName* meaning = find_torch_name(module, name);
    if (meaning == nullptr) refuse_name(module, name);
    push_marked(PickledName{cat(module, ".", name), meaning});
  }

  [[noreturn]] void refuse_name(const std::string& module, const std::string& name) {
    stream().fail(cat("it imports ", cat(module, ".", name).substr(0, kShown),
                      ", which is neither tensor nor plain data (nothing was run): load the file "
                      "where you trust it and save its state dict alone"));
  }

  // --- calls ------------------------------------------------------------------------------------
  void run_call() {
    const PickleValue arguments = pop();
    const PickleValue callee = pop();
    const auto* name = result_.find<PickledName>(callee);
    const auto* tuple = shared<Tuple>(arguments);
    if (name == nullptr || tuple == nullptr || is_marked(arguments)) {
      stream().fail("it calls something that is no imported name: the stream is damaged");
    }
    call(*name, tuple->items);
  }

  void call(const PickledName& name, const List& items) {
    switch (name.meaning->kind) {
      case Kind::kRebuildTensor:
        return push_tensor(name, items);
      case Kind::kRebuildParameter:
        require(name, items, 1);
        if (result_.find<PickledTensor>(items[0]) == nullptr) bad(name, "its data are no tensor");
        return push(items[0]);
      case Kind::kDict:
        return push_dict(name, items);
      case Kind::kBag:
        if (!items.empty()) bad(name, cat("it has ", items.size(), " arguments, wanted none"));
        return push_marked(PickledObject{name.text.starts_with("__torch__")}, Dict());
      case Kind::kTuple:
        require(name, items, 1);
        items_of(name, items[0]);
        return push(items[0]);
      case Kind::kFirst:
        require(name, items, 1);
        return push(items[0]);
      case Kind::kDevice:
        return push_device(name, items);
      case Kind::kCodec:
        return push_encoded(name, items);
      case Kind::kNumberType:
        require(name, items, 1);
        return push_marked(PickledName{cat("numpy.", text_of(name, items[0])), name.meaning});
      case Kind::kNumber:
        return push_number(name, items);
      case Kind::kStorage:
      case Kind::kDtype:
        break;
    }
    bad(name, "a type is called");
  }

  void push_dict(const PickledName& name, const List& items) {
    if (!items.empty() && shared<Dict>(items[0]) != nullptr) return push(items[0]);
    Dict dict;
    if (!items.empty()) {
      const List& pairs = items_of(name, items[0]);
      expand(pairs.size() * sizeof(Dict::value_type));
      for (const auto& pair : pairs) {
        const List& both = items_of(name, pair);
        if (both.size() != 2) bad(name, "its argument holds no pairs");
        dict.emplace_back(both[0], both[1]);
      }
    }
    push(make(std::move(dict)));
    dicts_.insert(container_address(top()));
  }

  void push_device(const PickledName& name, const List& items) {
    require(name, items, 1);
    std::string text = text_of(name, items[0]);
    if (items.size() > 1) text += cat(":", number_of(name, items[1]));
    push(std::move(text));
  }

  /// Protocol 2 has no bytes: Python writes them as Latin-1 letters to be encoded.
  void push_encoded(const PickledName& name, const List& items) {
    require(name, items, 1);
    const auto bytes = latin1_bytes(text_of(name, items[0]));
    if (!bytes) bad(name, "its text is not Latin-1");
    PickleValue value;
    value.value = PickleValue::Bytes{*bytes};
    push(std::move(value));
  }

  void push_number(const PickledName& name, const List& items) {
    require(name, items, 2);
    const auto* type = result_.find<PickledName>(items[0]);
    const auto* bytes = std::get_if<PickleValue::Bytes>(&items[1].value);
    if (type == nullptr || bytes == nullptr) bad(name, "wanted a dtype and bytes");
    auto number = numpy_number(type->text, bytes->data);
    if (!number) {
      bad(name, cat("a number of dtype ", type->text.substr(0, kShown), " in ", bytes->data.size(),
                    " bytes is not read"));
    }
    push(std::move(*number));
  }

  // --- tensors ----------------------------------------------------------------------------------
  /// ('storage', type, key, location, count)
  void run_persistent() {
    const PickleValue id = pop();
    const auto* tuple = is_marked(id) ? nullptr : shared<Tuple>(id);
    if (tuple == nullptr || tuple->items.size() < 5) {
      stream().fail("wanted ('storage', type, key, location, count)");
    }
    const auto* word = std::get_if<std::string>(&tuple->items[0].value);
    const auto* type = result_.find<PickledName>(tuple->items[1]);
    const auto* key = std::get_if<std::string>(&tuple->items[2].value);
    const auto* count = std::get_if<std::int64_t>(&tuple->items[4].value);
    const bool known = word != nullptr && *word == "storage" && type != nullptr &&
                       type->meaning->kind == Kind::kStorage && key != nullptr &&
                       count != nullptr && *count >= 0;
    if (!known) stream().fail("wanted ('storage', type, key, location, count)");
    push_marked(PickledStorage{*key, type->meaning->type, *count});
  }

  void push_tensor(const PickledName& name, const List& items) {
    const bool typed = name.text.ends_with("_v3");
    require(name, items, typed ? 7 : 4);
    const auto* storage = result_.find<PickledStorage>(items[0]);
    if (storage == nullptr) bad(name, "its first argument is no storage");
    PickledTensor tensor;
    tensor.storage = *storage;
    tensor.type = storage->type;
    tensor.type_name = "bytes without a type";
    if (typed) {
      const auto* dtype = result_.find<PickledName>(items[6]);
      if (dtype == nullptr || dtype->meaning->kind != Kind::kDtype) bad(name, "it has no dtype");
      tensor.type = dtype->meaning->type;
      tensor.type_name = dtype->text;
    }
    tensor.offset = number_of(name, items[1]);
    tensor.shape = sides_of(name, items[2]);
    tensor.strides = sides_of(name, items[3]);
    const std::size_t metadata = typed ? 7 : 6;
    if (items.size() > metadata) check_metadata(name, items[metadata]);
    push_marked(std::move(tensor));
  }

  /// Metadata says that the values are to be conjugated or negated.
  void check_metadata(const PickledName& name, const PickleValue& metadata) {
    const auto* dict = shared<Dict>(metadata);
    const bool none = std::holds_alternative<PickleValue::None>(metadata.value);
    if (!none && (dict == nullptr || !dict->empty())) bad(name, "its metadata are not read");
  }

  // --- state ------------------------------------------------------------------------------------
  void run_build() {
    const PickleValue state = pop();
    const PickleValue& object = top();
    const auto* name = result_.find<PickledName>(object);
    if (name != nullptr && name->meaning->kind == Kind::kNumberType) return check_order(state);
    if (dicts_.contains(container_address(object))) return;  // an OrderedDict's own attributes
    if (result_.find<PickledObject>(object) == nullptr) {
      stream().fail("it sets attributes of what has none: the stream is damaged");
    }
    const auto* attributes = shared<Dict>(state);
    if (attributes == nullptr) {
      stream().fail("an object's state is no dict of attributes, which is not read");
    }
    expand(attributes->size() * sizeof(Dict::value_type));
    auto& bag = *std::get<std::shared_ptr<Dict>>(object.value);
    bag.insert(bag.end(), attributes->begin(), attributes->end());
  }

  /// A dtype's state is (version, byte order, ...).
  void check_order(const PickleValue& state) {
    const auto* tuple = shared<Tuple>(state);
    const auto* order = tuple == nullptr || tuple->items.size() < 2
                            ? nullptr
                            : std::get_if<std::string>(&tuple->items[1].value);
    if (order == nullptr || (*order != "<" && *order != "|" && *order != "=")) {
      stream().fail("a NumPy dtype is not little-endian");
    }
  }

  // --- arguments --------------------------------------------------------------------------------
  [[noreturn]] void bad(const PickledName& name, const std::string& what) {
    stream().fail(cat(name.text.substr(0, kShown), ": ", what));
  }

  void require(const PickledName& name, const List& items, std::size_t count) {
    if (items.size() < count) {
      bad(name, cat("it has ", items.size(), " arguments, wanted ", count));
    }
  }

  std::int64_t number_of(const PickledName& name, const PickleValue& value) {
    const auto* number = std::get_if<std::int64_t>(&value.value);
    if (number == nullptr) bad(name, "an argument is no whole number");
    return *number;
  }

  const std::string& text_of(const PickledName& name, const PickleValue& value) {
    const auto* text = std::get_if<std::string>(&value.value);
    if (text == nullptr) bad(name, "an argument is no text");
    return *text;
  }

  /// The items of a tuple or list.
  const List& items_of(const PickledName& name, const PickleValue& value) {
    const auto* tuple = shared<Tuple>(value);
    if (tuple != nullptr && !is_marked(value)) return tuple->items;
    const auto* list = shared<List>(value);
    if (list == nullptr) bad(name, "its argument is neither tuple nor list");
    return *list;
  }

  std::vector<std::int64_t> sides_of(const PickledName& name, const PickleValue& value) {
    const List& items = items_of(name, value);
    if (items.size() > kMostSides) bad(name, cat("it has ", items.size(), " sides"));
    std::vector<std::int64_t> sides;
    for (const auto& item : items) sides.push_back(number_of(name, item));
    return sides;
  }

  template <class Mark, class Content = Tuple>
  void push_marked(Mark mark, Content content = {}) {
    push(make(std::move(content)));
    result_.marks.emplace(container_address(top()), std::move(mark));
  }

  bool is_marked(const PickleValue& value) const {
    return result_.marks.contains(container_address(value));
  }

  TorchPickle result_;
  std::unordered_set<const void*> dicts_;
};

}  // namespace

const void* container_address(const PickleValue& value) {
  if (const auto* list = shared<List>(value)) return list;
  if (const auto* tuple = shared<Tuple>(value)) return tuple;
  return shared<Dict>(value);
}

TorchPickle read_torch_pickle(std::string_view bytes, std::string_view name) {
  return TorchMachine(bytes, name).read_all();
}

}  // namespace pcnet::weights
