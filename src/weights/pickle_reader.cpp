#include <iterator>
#include <unordered_map>

#include "pcnet/core/format.h"
#include "pcnet/weights/pickle.h"

#include "pickle_opcodes.h"
#include "pickle_shape.h"
#include "pickle_stream.h"
#include "pickle_text.h"

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

/// One run of the pickle machine over a stream. It knows data only; nothing is looked up or called.
class PickleReader {
 public:
  PickleReader(std::string_view bytes, std::string_view name)
      : stream_(bytes, name), most_expanded_(bytes.size() * kLargestExpansion + kFreeExpansion) {}

  PickleValue read() {
    for (;;) {
      const auto op = static_cast<Op>(stream_.next_opcode());
      if (op == Op::kStop) return finish();
      if (!run_number(op) && !run_text(op) && !run_stack(op) && !run_container(op) &&
          !run_memo(op)) {
        stream_.refuse();
      }
    }
  }

 private:
  // --- the stack --------------------------------------------------------------------------------
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  PickleValue& top() {
    if (stack_.size() <= floor()) stream_.fail("the stack is empty here: the stream is damaged");
    return stack_.back();
  }

  PickleValue pop() {
    PickleValue value = std::move(top());
    stack_.pop_back();
    return value;
  }

  void push(PickleValue value) { stack_.push_back(std::move(value)); }

  /// What lies above the last mark; the mark goes.
  List pop_to_mark() {
    if (marks_.empty()) stream_.fail("there is no MARK before it: the stream is damaged");
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    List items(std::make_move_iterator(from), std::make_move_iterator(stack_.end()));
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return items;
  }

  /// Copies of strings cost memory that the stream did not pay for.
  PickleValue copy_of(const PickleValue& value) {
    if (const auto* text = std::get_if<std::string>(&value.value)) expand(text->size());
    if (const auto* data = std::get_if<PickleValue::Bytes>(&value.value)) expand(data->data.size());
    return value;
  }

  void expand(std::uint64_t bytes) {
    expanded_ += bytes;
    if (expanded_ > most_expanded_) {
      stream_.fail(cat("references have copied more than ", most_expanded_,
                       " bytes of strings (a reference bomb)"));
    }
  }

  PickleValue finish() {
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

  // --- the opcodes: each function answers whether it knows the opcode
  // ------------------------------
  bool run_number(Op op) {
    switch (op) {
      case Op::kNone:
        push({});
        return true;
      case Op::kNewTrue:
        push(true);
        return true;
      case Op::kNewFalse:
        push(false);
        return true;
      case Op::kBinInt1:
        push(static_cast<std::int64_t>(stream_.take_number(1)));
        return true;
      case Op::kBinInt2:
        push(static_cast<std::int64_t>(stream_.take_number(2)));
        return true;
      case Op::kBinInt:
        push(static_cast<std::int32_t>(stream_.take_number(4)));
        return true;
      case Op::kLong1:
        push(stream_.take_long(stream_.take_number(1)));
        return true;
      case Op::kLong4:
        push(stream_.take_long(stream_.take_number(4)));
        return true;
      case Op::kInt:
        push_int_line();
        return true;
      case Op::kLong:
        push_long_line();
        return true;
      case Op::kFloat:
        push(stream_.to_float(stream_.take_line()));
        return true;
      case Op::kBinFloat:
        push(stream_.take_binary_float());
        return true;
      default:
        return false;
    }
  }

  void push_int_line() {
    const std::string_view line = stream_.take_line();
    if (line == "00" || line == "01") {
      push(line == "01");
    } else {
      push(stream_.to_integer(line));
    }
  }

  void push_long_line() {
    std::string_view line = stream_.take_line();
    if (line.ends_with('L')) line.remove_suffix(1);
    push(stream_.to_integer(line));
  }

  bool run_text(Op op) {
    switch (op) {
      case Op::kString:
        push_literal();
        return true;
      case Op::kUnicode:
        push_escaped();
        return true;
      case Op::kBinString:
        push(text_from_bytes(stream_.take(stream_.take_number(4))));
        return true;
      case Op::kShortBinString:
        push(text_from_bytes(stream_.take(stream_.take_number(1))));
        return true;
      case Op::kShortBinUnicode:
        push_unicode(1);
        return true;
      case Op::kBinUnicode:
        push_unicode(4);
        return true;
      case Op::kBinUnicode8:
        push_unicode(8);
        return true;
      case Op::kShortBinBytes:
        push_bytes(1);
        return true;
      case Op::kBinBytes:
        push_bytes(4);
        return true;
      case Op::kBinBytes8:
      case Op::kByteArray8:
        push_bytes(8);
        return true;
      default:
        return false;
    }
  }

  void push_literal() {
    const auto bytes = unquote(stream_.take_line());
    if (!bytes) stream_.fail("the string is not quoted as Python quotes");
    push(text_from_bytes(*bytes));
  }

  void push_escaped() {
    auto text = from_raw_unicode_escape(stream_.take_line());
    if (!text) stream_.fail("the string has a broken \\u escape");
    push(std::move(*text));
  }

  void push_unicode(int length_bytes) {
    const std::string_view raw = stream_.take(stream_.take_number(length_bytes));
    if (!is_utf8(raw)) stream_.fail("the string is not UTF-8");
    push(std::string(raw));
  }

  void push_bytes(int length_bytes) {
    PickleValue value;
    value.value = PickleValue::Bytes{std::string(stream_.take(stream_.take_number(length_bytes)))};
    push(std::move(value));
  }

  bool run_stack(Op op) {
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

  void run_pop() {
    if (!marks_.empty() && stack_.size() == marks_.back()) {
      marks_.pop_back();  // Python pops a mark that lies on top
    } else {
      pop();
    }
  }

  void check_protocol() {
    const std::uint64_t protocol = stream_.take_number(1);
    if (protocol > 5) stream_.fail(cat("it is of protocol ", protocol, ", wanted 0 to 5"));
  }

  void check_frame() {
    const std::uint64_t length = stream_.take_number(8);
    if (length > stream_.left()) {
      stream_.fail(cat("the frame has ", length, " bytes, the file has ", stream_.left(),
                       " left (cut short?)"));
    }
  }

  bool run_container(Op op) {
    switch (op) {
      case Op::kEmptyList:
        push(arena_.make(List()));
        return true;
      case Op::kEmptyDict:
        push(arena_.make(Dict()));
        return true;
      case Op::kEmptyTuple:
        push(arena_.make(Tuple()));
        return true;
      case Op::kTuple1:
        push_tuple(1);
        return true;
      case Op::kTuple2:
        push_tuple(2);
        return true;
      case Op::kTuple3:
        push_tuple(3);
        return true;
      case Op::kTuple:
        push(arena_.make(Tuple{pop_to_mark()}));
        return true;
      case Op::kList:
        push(arena_.make(pop_to_mark()));
        return true;
      case Op::kDict:
        push_dict(pop_to_mark());
        return true;
      case Op::kAppend:
        append(one_item());
        return true;
      case Op::kAppends:
        append(pop_to_mark());
        return true;
      case Op::kSetItem:
        set_items(two_items());
        return true;
      case Op::kSetItems:
        set_items(pop_to_mark());
        return true;
      default:
        return false;
    }
  }

  List one_item() {
    List items;
    items.push_back(pop());
    return items;
  }

  List two_items() {
    List items(2);
    items[1] = pop();
    items[0] = pop();
    return items;
  }

  void push_tuple(std::size_t size) {
    Tuple tuple;
    tuple.items.resize(size);
    for (std::size_t i = size; i-- > 0;) tuple.items[i] = pop();
    push(arena_.make(std::move(tuple)));
  }

  void push_dict(List items) {
    push(arena_.make(Dict()));
    set_items(std::move(items));
  }

  void append(List items) {
    const auto* list = std::get_if<std::shared_ptr<List>>(&top().value);
    if (list == nullptr) stream_.fail("there is no list to append to: the stream is damaged");
    (*list)->insert((*list)->end(), std::make_move_iterator(items.begin()),
                    std::make_move_iterator(items.end()));
  }

  void set_items(List items) {
    const auto* dict = std::get_if<std::shared_ptr<Dict>>(&top().value);
    if (dict == nullptr) stream_.fail("there is no dict to put into: the stream is damaged");
    if (items.size() % 2 != 0) stream_.fail("a key has no value: the stream is damaged");
    for (std::size_t i = 0; i < items.size(); i += 2) {
      (*dict)->emplace_back(std::move(items[i]), std::move(items[i + 1]));
    }
  }

  bool run_memo(Op op) {
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

  std::uint64_t take_index() {
    return static_cast<std::uint64_t>(stream_.to_integer(stream_.take_line()));
  }

  void remember(std::uint64_t index) { memo_[index] = copy_of(top()); }

  void recall(std::uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) stream_.fail(cat("memo ", index, " was never stored"));
    push(copy_of(found->second));
  }

  PickleStream stream_;
  std::uint64_t most_expanded_;
  std::uint64_t expanded_ = 0;
  PickleArena arena_;  // outlives the stack and the memo: it empties what they drop
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleValue> memo_;
};

}  // namespace

PickleValue read_pickle(std::string_view bytes, std::string_view name) {
  return PickleReader(bytes, name).read();
}

}  // namespace pcnet::weights
