#include "pcnet/core/tensor_memory.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

namespace pcnet::core {

namespace {

constexpr std::size_t kLarge = std::size_t{1} << 20U;
constexpr std::size_t kGrain = std::size_t{1} << 16U;  // sizes of blocks are multiples of it

/// Blocks of pages: those in use, and a reserve of those that were. Several threads may ask.
class Blocks {
 public:
  /// Null when there is no memory.
  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t size = (bytes + kGrain - 1) / kGrain * kGrain;
    Block block = cut(size);
    if (block.data == nullptr) {
      block = in_use_ + in_reserve_ + size <= limit() ? mapped(size) : extended(size);
    }
    if (block.data == nullptr) return nullptr;
    used_.emplace(block.data, block);
    in_use_ += block.size;
    most_ = std::max(most_, in_use_);
    if (in_use_ + in_reserve_ > limit()) unmap(in_use_ + in_reserve_ - limit());
    return block.data;
  }

  /// @return whether it was one of these
  bool give_back(void* data) {
    const std::lock_guard lock(mutex_);
    const auto found = used_.find(static_cast<char*>(data));
    if (found == used_.end()) return false;
    in_use_ -= found->second.size;
    keep(found->second);
    used_.erase(found);
    return true;
  }

  void release() {
    const std::lock_guard lock(mutex_);
    unmap(in_reserve_);
  }

 private:
  struct Block {
    char* data = nullptr;
    std::size_t size = 0;
    std::size_t mapping = 0;  // of which it is a part; neighbours of the same one are joined
  };
  using Reserve = std::map<char*, Block>;  // by address

  /// Of what is in use and in reserve.
  std::size_t limit() const { return most_ + most_ / 16; }

  /// Puts a block into the reserve.
  void keep(Block block) {
    const auto next = reserve_.find(block.data + block.size);
    if (next != reserve_.end() && next->second.mapping == block.mapping) {
      block.size += out(next).size;
    }
    const auto after = reserve_.upper_bound(block.data);
    if (after != reserve_.begin()) {
      const auto before = std::prev(after);
      if (before->second.mapping == block.mapping &&
          before->first + before->second.size == block.data) {
        const Block head = out(before);
        block = {head.data, head.size + block.size, block.mapping};
      }
    }
    in_reserve_ += block.size;
    by_size_.emplace(block.size, block.data);
    reserve_.emplace(block.data, block);
  }

  Block out(Reserve::iterator place) {
    const Block block = place->second;
    by_size_.erase({block.size, block.data});
    in_reserve_ -= block.size;
    reserve_.erase(place);
    return block;
  }

  Block out_largest() { return out(reserve_.find(by_size_.rbegin()->second)); }

  /// The smallest block in reserve that is large enough, without its rest; else none.
  Block cut(std::size_t size) {
    const auto place = by_size_.lower_bound({size, nullptr});
    if (place == by_size_.end()) return {};
    Block block = out(reserve_.find(place->second));
    if (block.size < size + kLarge) return block;
    keep({block.data + size, block.size - size, block.mapping});
    block.size = size;
    return block;
  }

  Block mapped(std::size_t size) {
    void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) return {};
    return {static_cast<char*>(data), size, ++mappings_};
  }

  /// The largest block in reserve, extended, so that its pages need not be zeroed.
  Block extended(std::size_t size) {
    if (reserve_.empty()) return mapped(size);
    const Block block = out_largest();
    void* data = ::mremap(block.data, block.size, size, MREMAP_MAYMOVE);
    if (data != MAP_FAILED) return {static_cast<char*>(data), size, ++mappings_};
    ::munmap(block.data, block.size);
    unmap(in_reserve_);
    return mapped(size);
  }

  /// Gives pages of the reserve back to the kernel.
  void unmap(std::size_t size) {
    while (size > 0 && !reserve_.empty()) {
      const Block block = out_largest();
      const std::size_t part = std::min(size, block.size);
      ::munmap(block.data + block.size - part, part);
      size -= part;
      if (part < block.size) keep({block.data, block.size - part, block.mapping});
    }
  }

  std::mutex mutex_;
  std::unordered_map<char*, Block> used_;
  Reserve reserve_;
  std::set<std::pair<std::size_t, char*>> by_size_;  // the reserve
  std::size_t mappings_ = 0;                         // so far
  std::size_t in_use_ = 0;
  std::size_t in_reserve_ = 0;
  std::size_t most_ = 0;  // that were in use at once
};

/// Never destroyed: tensors may outlive everything that is static.
Blocks& blocks() {
  static auto* const all = new Blocks;
  return *all;
}

c10::Allocator& librarys() { return *c10::GetDefaultCPUAllocator(); }

/// Of any tensor, LibTorch's small ones and those from before included.
void release(void* data) {
  if (data == nullptr) return;
  if (!blocks().give_back(data)) {
    librarys().raw_deallocate(data);
    return;
  }
  c10::profiledCPUMemoryReporter().Delete(data);
}

class ReusingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    if (bytes < kLarge) return librarys().allocate(bytes);
    void* data = blocks().take(bytes);
    if (data == nullptr) return librarys().allocate(bytes);  // which says what is wrong
    c10::profiledCPUMemoryReporter().New(data, bytes);
    return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t count) const override {
    default_copy_data(to, from, count);
  }
};

bool user_has_chosen() {
  constexpr std::array kChoices = {"MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_",
                                   "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"};
  const auto is_set = [](const char* name) { return std::getenv(name) != nullptr; };
  const char* tunables = std::getenv("GLIBC_TUNABLES");
  return std::any_of(kChoices.begin(), kChoices.end(), is_set) ||
         (tunables != nullptr &&
          std::string_view(tunables).find("glibc.malloc.") != std::string_view::npos);
}

}  // namespace

bool reuse_tensor_memory() {
  static ReusingAllocator allocator;
  if (user_has_chosen()) return false;
  c10::SetCPUAllocator(&allocator);
  return true;
}

void release_tensor_memory() { blocks().release(); }

}  // namespace pcnet::core
