#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>

#include <c10/core/Device.h>

namespace pcnet::core {

/// Counts the memory of the tensors that this thread, and the gradients it asks for, take on one
/// device, from its construction on. What a graphics card's allocator keeps in reserve is not in
/// it.
class MemoryMeter {
 public:
  explicit MemoryMeter(c10::Device device);
  ~MemoryMeter();
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;

  /// The most bytes that were held at once beyond those at the start.
  std::uint64_t peak() const;
  /// The largest single tensor, bytes.
  std::uint64_t largest() const;

 private:
  struct Tally;
  struct Guard;
  std::shared_ptr<Tally> tally_;
  std::unique_ptr<Guard> guard_;
};

/// Bytes that this process could still take on a device after its allocator gave back its reserve:
/// of a processor, what the machine, the control group and the limit of the address space leave; of
/// a CUDA device, what is free.
std::uint64_t free_memory(c10::Device device);

/// The most that a CUDA device's allocator has taken so far, with its reserve; 0 on a processor.
std::uint64_t peak_reserved_bytes(c10::Device device);

/// Whether an exception says that memory ran out: of LibTorch on a processor or a CUDA device, or
/// std::bad_alloc.
bool is_out_of_memory(const std::exception& fault);

/// The bytes that such an exception says were asked for, if it does.
std::optional<std::uint64_t> bytes_asked_for(const std::exception& fault);

}  // namespace pcnet::core
