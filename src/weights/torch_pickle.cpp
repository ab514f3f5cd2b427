#include "torch_pickle.h"

#include <unordered_set>

#include "pcnet/core/format.h"

#include "numpy_number.h"
#include "pickle_machine.h"
#include "torch_call.h"
#include "torch_names.h"

namespace pcnet::weights {

namespace {

using core::cat;
using List = PickleValue::List;
using Dict = PickleValue::Dict;
using Tuple = PickleValue::Tuple;
using Op = PickleOp;
using Kind = TorchName::Kind;

constexpr std::string_view kBigEndian = "numpy.>";

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
      case Op::kStackGlobal:
      case Op::kExt1:
      case Op::kExt2:
      case Op::kExt4:
        run_import(op);
        return true;
      case Op::kPersId:
        stream().fail("it names a storage as text, wanted a tuple");
      case Op::kBinPersId:
        run_persistent();
        return true;
      case Op::kReduce:
      case Op::kNewObj:
      case Op::kNewObjEx:
      case Op::kObj:
      case Op::kInst:
        run_call(op);
        return true;
      case Op::kBuild:
        run_build();
        return true;
      case Op::kLong1:
      case Op::kLong4:
        run_long(op);
        return true;
      case Op::kEmptySet:
      case Op::kAddItems:
      case Op::kFrozenSet:
        run_set(op);
        return true;
      default:
        return false;
    }
  }

  void append(List items) override {
    if (find<PickledOpaque>(top()) == nullptr) PickleMachine::append(std::move(items));
  }

  void set_items(List items) override {
    if (find<PickledOpaque>(top()) == nullptr) PickleMachine::set_items(std::move(items));
  }

 private:
  template <class Mark>
  const Mark* find(const PickleValue& value) const {
    return result_.find<Mark>(value);
  }

  // --- names ------------------------------------------------------------------------------------
  void run_import(Op op) {
    if (op == Op::kGlobal) return import_lines();
    if (op == Op::kStackGlobal) return import_stack();
    const int bytes = op == Op::kExt1 ? 1 : op == Op::kExt2 ? 2 : 4;
    import_name("copyreg", cat("extension ", stream().take_number(bytes)));
  }

  void import_lines() {
    const std::string module(stream().take_line());
    const std::string name(stream().take_line());
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
    const std::string today = module == "__builtin__" ? "builtins" : module;  // Python 2's name
    push_marked(PickledName{shown_name(today, name), &find_torch_name(today, name)});
  }

  /// Seeds and states of random generators are integers of any size.
  void run_long(Op op) {
    const std::uint64_t bytes = stream().take_number(op == Op::kLong1 ? 1 : 4);
    if (const auto number = stream().take_long_that_fits(bytes)) return push(*number);
    push_marked(PickledOpaque{cat("int of ", bytes, " bytes")});
  }

  // --- calls ------------------------------------------------------------------------------------
  void run_call(Op op) {
    if (op == Op::kObj || op == Op::kInst) return call_with_items(op);
    const bool has_keywords = op == Op::kNewObjEx;
    if (has_keywords) pop();
    const PickleValue arguments = pop();
    const PickleValue callee = pop();
    const auto* name = find<PickledName>(callee);
    if (has_keywords || name == nullptr || name->is_foreign()) return push_made_by(callee);
    const auto* tuple = plain_tuple(result_, arguments);
    if (tuple == nullptr) stream().fail("its arguments are no tuple: the stream is damaged");
    call(TorchCall(*name, tuple->items, result_, stream()));
  }

  /// Protocols 0 and 1: a class, and its arguments down to the mark.
  void call_with_items(Op op) {
    if (op == Op::kInst) import_lines();
    PickleValue callee = op == Op::kInst ? pop() : PickleValue();
    List items = pop_to_mark();
    if (op == Op::kObj && !items.empty()) {
      callee = items.front();
      items.erase(items.begin());
    }
    const auto* name = find<PickledName>(callee);
    if (name == nullptr || name->is_foreign()) return push_made_by(callee);
    call(TorchCall(*name, items, result_, stream()));
  }

  /// What a foreign name makes, or something that was made by one.
  void push_made_by(const PickleValue& callee) {
    const auto* name = find<PickledName>(callee);
    const auto* opaque = find<PickledOpaque>(callee);
    if (name == nullptr && opaque == nullptr) {
      stream().fail("it calls something that is no imported name: the stream is damaged");
    }
    push_marked(PickledOpaque{name != nullptr ? name->text : opaque->type});
  }

  void call(const TorchCall& call) {
    switch (call.name.meaning->kind) {
      case Kind::kRebuildTensor:
        return push_marked(tensor_of(call));
      case Kind::kRebuildParameter:
        call.require(1);
        call.mark<PickledTensor>(0, "tensor");
        return push(call.items[0]);
      case Kind::kRebuildTyped:
        return rebuild_typed(call);
      case Kind::kDict:
        return push_dict(call);
      case Kind::kBag:
        if (!call.items.empty()) {
          call.fail(cat("it has ", call.items.size(), " arguments, wanted none"));
        }
        return push_marked(PickledObject{call.name.text.starts_with("__torch__")}, Dict());
      case Kind::kTuple:
        call.require(1);
        (void)call.list(call.items[0]);
        return push(call.items[0]);
      case Kind::kFirst:
        call.require(1);
        return push(call.items[0]);
      case Kind::kDevice:
        return push(device_of(call));
      case Kind::kCodec:
        return push(bytes_of(call));
      case Kind::kNumberType:
        return push_number_type(call);
      case Kind::kNumber:
        return push_number(call);
      case Kind::kArray:
        call.require(3);
        return push_marked(PickledOpaque{array_type(result_, call.items[2], call.items[1])});
      case Kind::kObject:
        return push_object(call);
      case Kind::kStorage:
      case Kind::kDtype:
      case Kind::kForeign:
        break;
    }
    call.fail("a type is called");
  }

  /// A tensor of a class of its own, or with attributes.
  void rebuild_typed(const TorchCall& typed) {
    typed.require(3);
    const auto& builder = typed.mark<PickledName>(0, "builder");
    const Kind kind = builder.meaning->kind;
    if (kind != Kind::kRebuildTensor && kind != Kind::kRebuildParameter) {
      return push_made_by(typed.items[0]);
    }
    call(TorchCall(builder, typed.list(typed.items[2]), result_, stream()));
  }

  void push_object(const TorchCall& call) {
    call.require(1);
    const auto& own = call.mark<PickledName>(0, "class");
    if (own.meaning->kind == Kind::kBag) {
      push_marked(PickledObject{}, Dict());
    } else {
      push_marked(PickledOpaque{own.text});
    }
  }

  void push_dict(const TorchCall& call) {
    if (!call.items.empty() && shared<Dict>(call.items[0]) != nullptr) return push(call.items[0]);
    Dict dict;
    if (!call.items.empty()) {
      const List& pairs = call.list(call.items[0]);
      expand(pairs.size() * sizeof(Dict::value_type));
      for (const auto& pair : pairs) {
        const List& both = call.list(pair);
        if (both.size() != 2) call.fail("its argument holds no pairs");
        dict.emplace_back(both[0], both[1]);
      }
    }
    push(make(std::move(dict)));
    dicts_.insert(container_address(top()));
  }

  // --- NumPy ------------------------------------------------------------------------------------
  void push_number_type(const TorchCall& call) {
    call.require(1);
    const auto* own = call.find<PickledName>(0);  // a type that another package brings
    const std::string text =
        own != nullptr ? own->text : shown_name("numpy", call.text(call.items[0]));
    push_marked(PickledName{text, call.name.meaning});
  }

  void push_number(const TorchCall& call) {
    call.require(2);
    const std::string type = call.mark<PickledName>(0, "dtype").text;
    const auto* bytes = std::get_if<PickleValue::Bytes>(&call.items[1].value);
    auto number = bytes == nullptr ? std::nullopt : numpy_number(type, bytes->data);
    if (number) return push(std::move(*number));
    push_marked(PickledOpaque{cat("a number of ", type)});
  }

  // --- tensors ----------------------------------------------------------------------------------
  /// ('storage', type, key, location, count)
  void run_persistent() {
    const PickleValue id = pop();
    const auto* tuple = plain_tuple(result_, id);
    if (tuple == nullptr || tuple->items.size() < 5) {
      stream().fail("wanted ('storage', type, key, location, count)");
    }
    const auto* word = std::get_if<std::string>(&tuple->items[0].value);
    const auto* type = find<PickledName>(tuple->items[1]);
    const auto* key = std::get_if<std::string>(&tuple->items[2].value);
    const auto* count = std::get_if<std::int64_t>(&tuple->items[4].value);
    const bool known = word != nullptr && *word == "storage" && type != nullptr && key != nullptr &&
                       count != nullptr && *count >= 0;
    if (!known) stream().fail("wanted ('storage', type, key, location, count)");
    if (type->meaning->kind != Kind::kStorage) {
      stream().fail(cat("a storage is of type ", type->text, ", which is not read"));
    }
    push_marked(PickledStorage{*key, type->meaning->type, *count});
  }

  // --- state ------------------------------------------------------------------------------------
  void run_build() {
    const PickleValue state = pop();
    const PickleValue& object = top();
    if (const auto* opaque = find<PickledOpaque>(object)) return build_opaque(*opaque, state);
    const auto* name = find<PickledName>(object);
    if (name != nullptr && name->meaning->kind == Kind::kNumberType) return build_dtype(state);
    if (dicts_.contains(container_address(object))) return;  // an OrderedDict's own attributes
    if (find<PickledObject>(object) == nullptr) {
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

  /// Of an array's state, (version, shape, dtype, order, bytes), its shape and type are told.
  void build_opaque(const PickledOpaque& opaque, const PickleValue& state) {
    const auto* tuple = plain_tuple(result_, state);
    if (opaque.type != "numpy.ndarray" || tuple == nullptr || tuple->items.size() < 3) return;
    result_.marks[container_address(top())] =
        PickledOpaque{array_type(result_, tuple->items[1], tuple->items[2])};
  }

  /// A dtype's state is (version, byte order, ...): one that is not little-endian is told apart.
  void build_dtype(const PickleValue& state) {
    const auto* tuple = plain_tuple(result_, state);
    const auto* order = tuple == nullptr || tuple->items.size() < 2
                            ? nullptr
                            : std::get_if<std::string>(&tuple->items[1].value);
    if (order == nullptr) stream().fail("a NumPy dtype tells no byte order");
    auto& name = std::get<PickledName>(result_.marks.at(container_address(top())));
    const bool is_new = name.text.starts_with(kNumPy) && !name.text.starts_with(kBigEndian);
    if (*order == ">" && is_new) name.text.insert(kNumPy.size(), 1, '>');
  }

  // --- sets -------------------------------------------------------------------------------------
  void run_set(Op op) {
    if (op == Op::kEmptySet) return push_marked(PickledOpaque{"builtins.set"});
    pop_to_mark();
    if (op == Op::kFrozenSet) return push_marked(PickledOpaque{"builtins.frozenset"});
    if (find<PickledOpaque>(top()) == nullptr) {
      stream().fail("there is no set to add to: the stream is damaged");
    }
  }

  template <class Mark, class Content = Tuple>
  void push_marked(Mark mark, Content content = {}) {
    push(make(std::move(content)));
    result_.marks.emplace(container_address(top()), std::move(mark));
  }

  TorchPickle result_;
  std::unordered_set<const void*> dicts_;
};

}  // namespace

bool PickledName::is_foreign() const { return meaning->kind == Kind::kForeign; }

const void* container_address(const PickleValue& value) {
  if (const auto* list = shared<List>(value)) return list;
  if (const auto* tuple = shared<Tuple>(value)) return tuple;
  return shared<Dict>(value);
}

TorchPickle read_torch_pickle(std::string_view bytes, std::string_view name) {
  return TorchMachine(bytes, name).read_all();
}

}  // namespace pcnet::weights
