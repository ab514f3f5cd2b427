#include "pickle_machine.h"

#include <iterator>

#include "pcnet/core/format.h"

#include "pickle_literals.h"

namespace pcnet::weights {

namespace {

using core::cat;
using List = PickleValue::List;
using Dict = PickleValue::Dict;
using Tuple = PickleValue::Tuple;
using Op = PickleOp;

/// A reference takes two bytes: more than this many times the file's size is no honest sharing.
constexpr std::uint64_t kLargestExpansion = 100;
constexpr std::uint64_t kFreeExpansion = 1 << 20;

}  // namespace

PickleMachine::PickleMachine(std::string_view bytes, std::string_view name)
    : stream_(bytes, name), most_expanded_(bytes.size() * kLargestExpansion + kFreeExpansion) {}

PickleValue PickleMachine::read() {
  for (;;) {
    const auto op = static_cast<Op>(stream_.next_opcode());
    if (op == Op::kStop) return finish();
    if (!run_code(op) && !run_literal(op) && !run_stack(op) && !run_container(op) &&
        !run_memo(op)) {
      stream_.refuse();
    }
  }
}

PickleValue& PickleMachine::top() {
  if (stack_.size() <= floor()) stream_.fail("the stack is empty here: the stream is damaged");
  return stack_.back();
}

PickleValue PickleMachine::pop() {
  PickleValue value = std::move(top());
  stack_.pop_back();
  return value;
}

List PickleMachine::pop_to_mark() {
  if (marks_.empty()) stream_.fail("there is no MARK before it: the stream is damaged");
  const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  List items(std::make_move_iterator(from), std::make_move_iterator(stack_.end()));
  stack_.erase(from, stack_.end());
  marks_.pop_back();
  return items;
}

/// Copies of strings cost memory that the stream did not pay for.
PickleValue PickleMachine::copy_of(const PickleValue& value) {
  if (const auto* text = std::get_if<std::string>(&value.value)) expand(text->size());
  if (const auto* data = std::get_if<PickleValue::Bytes>(&value.value)) expand(data->data.size());
  return value;
}

void PickleMachine::expand(std::uint64_t bytes) {
  expanded_ += bytes;
  if (expanded_ > most_expanded_) {
    stream_.fail(
        cat("references have copied more than ", most_expanded_, " bytes (a reference bomb)"));
  }
}

PickleValue PickleMachine::finish() {
  if (!marks_.empty() || stack_.size() != 1) {
    stream_.fail(cat("the stack holds ", stack_.size(), " values and ", marks_.size(),
                     " marks at the end, wanted one value and no mark"));
  }
  if (stream_.left() > 0) {
    stream_.fail(cat(stream_.left(), " bytes follow the end of the data"));
  }
  const auto fault = arena_.accept(stack_.back(), most_expanded_);
  if (fault) stream_.fail(*fault);
  return std::move(stack_.back());
}

bool PickleMachine::run_literal(Op op) {
  auto value = take_literal(op, stream_);
  if (value) push(std::move(*value));
  return value.has_value();
}

bool PickleMachine::run_stack(Op op) {
  switch (op) {
    case Op::kMark:
      marks_.push_back(stack_.size());
      return true;
    case Op::kPop:
      run_pop();
      return true;
    case Op::kPopMark:
      pop_to_mark();
      return true;
    case Op::kDup:
      push(copy_of(top()));
      return true;
    case Op::kProto:
      check_protocol();
      return true;
    case Op::kFrame:
      check_frame();
      return true;
    default:
      return false;
  }
}

void PickleMachine::run_pop() {
  if (!marks_.empty() && stack_.size() == marks_.back()) {
    marks_.pop_back();  // Python pops a mark that lies on top
  } else {
    pop();
  }
}

void PickleMachine::check_protocol() {
  const std::uint64_t protocol = stream_.take_number(1);
  if (protocol > 5) stream_.fail(cat("it is of protocol ", protocol, ", wanted 0 to 5"));
}

void PickleMachine::check_frame() {
  const std::uint64_t length = stream_.take_number(8);
  if (length > stream_.left()) {
    stream_.fail(cat("the frame has ", length, " bytes, the file has ", stream_.left(),
                     " left (cut short?)"));
  }
}

bool PickleMachine::run_container(Op op) {
  switch (op) {
    case Op::kEmptyList:
      push(make(List()));
      return true;
    case Op::kEmptyDict:
      push(make(Dict()));
      return true;
    case Op::kEmptyTuple:
      push(make(Tuple()));
      return true;
    case Op::kTuple1:
      push(make(Tuple{pop_items(1)}));
      return true;
    case Op::kTuple2:
      push(make(Tuple{pop_items(2)}));
      return true;
    case Op::kTuple3:
      push(make(Tuple{pop_items(3)}));
      return true;
    case Op::kTuple:
      push(make(Tuple{pop_to_mark()}));
      return true;
    case Op::kList:
      push(make(pop_to_mark()));
      return true;
    case Op::kDict: {
      List items = pop_to_mark();
      push(make(Dict()));
      set_items(std::move(items));
      return true;
    }
    case Op::kAppend:
      append(pop_items(1));
      return true;
    case Op::kAppends:
      append(pop_to_mark());
      return true;
    case Op::kSetItem:
      set_items(pop_items(2));
      return true;
    case Op::kSetItems:
      set_items(pop_to_mark());
      return true;
    default:
      return false;
  }
}

/// The uppermost values, the deepest first.
List PickleMachine::pop_items(std::size_t count) {
  List items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = pop();
  return items;
}

void PickleMachine::append(List items) {
  const auto* list = std::get_if<std::shared_ptr<List>>(&top().value);
  if (list == nullptr) stream_.fail("there is no list to append to: the stream is damaged");
  (*list)->insert((*list)->end(), std::make_move_iterator(items.begin()),
                  std::make_move_iterator(items.end()));
}

void PickleMachine::set_items(List items) {
  const auto* dict = std::get_if<std::shared_ptr<Dict>>(&top().value);
  if (dict == nullptr) stream_.fail("there is no dict to put into: the stream is damaged");
  put_into(**dict, std::move(items));
}

void PickleMachine::put_into(Dict& dict, List items) {
  if (items.size() % 2 != 0) stream_.fail("a key has no value: the stream is damaged");
  for (std::size_t i = 0; i < items.size(); i += 2) {
    dict.emplace_back(std::move(items[i]), std::move(items[i + 1]));
  }
}

bool PickleMachine::run_memo(Op op) {
  switch (op) {
    case Op::kPut:
      remember(take_index());
      return true;
    case Op::kBinPut:
      remember(stream_.take_number(1));
      return true;
    case Op::kLongBinPut:
      remember(stream_.take_number(4));
      return true;
    case Op::kMemoize:
      remember(memo_.size());
      return true;
    case Op::kGet:
      recall(take_index());
      return true;
    case Op::kBinGet:
      recall(stream_.take_number(1));
      return true;
    case Op::kLongBinGet:
      recall(stream_.take_number(4));
      return true;
    default:
      return false;
  }
}

std::uint64_t PickleMachine::take_index() {
  return static_cast<std::uint64_t>(stream_.to_integer(stream_.take_line()));
}

void PickleMachine::remember(std::uint64_t index) { memo_[index] = copy_of(top()); }

void PickleMachine::recall(std::uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) stream_.fail(cat("memo ", index, " was never stored"));
  push(copy_of(found->second));
}

}  // namespace pcnet::weights
