#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pcnet/weights/pickle.h"

#include "pickle_opcodes.h"
#include "pickle_shape.h"
#include "pickle_stream.h"

namespace pcnet::weights {

/// One run of the pickle machine over a stream. It knows data only; nothing is looked up or called.
class PickleMachine {
 public:
  PickleMachine(std::string_view bytes, std::string_view name);
  virtual ~PickleMachine() = default;
  PickleMachine(const PickleMachine&) = delete;
  PickleMachine& operator=(const PickleMachine&) = delete;

  PickleValue read();

 protected:
  /// Runs an opcode that names or builds something beyond plain data, or that means something else
  /// here; false when it does not.
  virtual bool run_code(PickleOp) { return false; }

  PickleStream& stream() { return stream_; }
  PickleValue& top();
  PickleValue pop();
  void push(PickleValue value) { stack_.push_back(std::move(value)); }
  /// A new container that the machine watches over.
  template <class T>
  PickleValue make(T content) {
    return arena_.make(std::move(content));
  }
  /// The items must be keys and values in turn.
  void put_into(PickleValue::Dict& dict, PickleValue::List items);
  /// Counts bytes that are copied without the stream having paid for them; an Error when too many.
  void expand(std::uint64_t bytes);
  /// What lies above the last mark; the mark goes.
  PickleValue::List pop_to_mark();
  /// Put items, or keys and values in turn, into what is on top.
  virtual void append(PickleValue::List items);
  virtual void set_items(PickleValue::List items);

 private:
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue copy_of(const PickleValue& value);
  PickleValue finish();

  // Each answers whether it knows the opcode.
  bool run_literal(PickleOp op);
  bool run_stack(PickleOp op);
  bool run_container(PickleOp op);
  bool run_memo(PickleOp op);

  void run_pop();
  void check_protocol();
  void check_frame();
  PickleValue::List pop_items(std::size_t count);
  std::uint64_t take_index();
  void remember(std::uint64_t index);
  void recall(std::uint64_t index);

  PickleStream stream_;
  std::uint64_t most_expanded_;
  std::uint64_t expanded_ = 0;
  PickleArena arena_;  // outlives the stack and the memo: it empties what they drop
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleValue> memo_;
};

}  // namespace pcnet::weights
