#include "nccl_communicator.h"

#include <array>
#include <chrono>
#include <cstring>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include <c10/core/DeviceGuard.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/distributed/team.h"

namespace pcnet::distributed {

using core::cat;
using core::Error;

namespace {

constexpr std::chrono::milliseconds kNcclLook{100};

// NCCL's interface, as far as it is used. LibTorch for CUDA has it loaded, and its header would ask
// for more of CUDA's than pip installs beside it.
namespace nccl {

using Comm = struct Opaque*;
struct UniqueId {
  std::array<char, 128> bytes;
};
enum Type { kUint8 = 1, kInt64 = 4, kFloat16 = 6, kFloat32 = 7, kFloat64 = 8, kBfloat16 = 9 };
enum Operation { kSum = 0, kMax = 2 };
constexpr int kSuccess = 0;
constexpr int kInProgress = 7;

}  // namespace nccl

/// A function of the NCCL that is loaded; null without one.
template <class Function>
Function* found(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));  // NOLINT: that is how
}

struct Nccl {
  const char* (*error_text)(int) = found<const char*(int)>("ncclGetErrorString");
  int (*new_id)(nccl::UniqueId*) = found<int(nccl::UniqueId*)>("ncclGetUniqueId");
  int (*join)(nccl::Comm*, int, nccl::UniqueId,
              int) = found<int(nccl::Comm*, int, nccl::UniqueId, int)>("ncclCommInitRank");
  int (*abort)(nccl::Comm) = found<int(nccl::Comm)>("ncclCommAbort");
  int (*state_of)(nccl::Comm, int*) = found<int(nccl::Comm, int*)>("ncclCommGetAsyncError");
  int (*all_reduce)(const void*, void*, std::size_t, int, int, nccl::Comm, void*) =
      found<int(const void*, void*, std::size_t, int, int, nccl::Comm, void*)>("ncclAllReduce");
  int (*broadcast)(const void*, void*, std::size_t, int, int, nccl::Comm, void*) =
      found<int(const void*, void*, std::size_t, int, int, nccl::Comm, void*)>("ncclBroadcast");
  int (*begin_group)() = found<int()>("ncclGroupStart");
  int (*end_group)() = found<int()>("ncclGroupEnd");

  bool is_there() const {
    return error_text && new_id && join && abort && state_of && all_reduce && broadcast &&
           begin_group && end_group;
  }
};

nccl::Type nccl_type(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat:
      return nccl::kFloat32;
    case at::kDouble:
      return nccl::kFloat64;
    case at::kHalf:
      return nccl::kFloat16;
    case at::kBFloat16:
      return nccl::kBfloat16;
    case at::kLong:
      return nccl::kInt64;
    case at::kByte:
      return nccl::kUint8;
    default:
      throw Error(cat("NCCL: cannot add up tensors of ", x.scalar_type()));
  }
}

class NcclCommunicator : public core::Communicator {
 public:
  NcclCommunicator(std::shared_ptr<core::Communicator> hosts, int gpu, std::function<bool()> failed)
      : hosts_(std::move(hosts)),
        gpu_(c10::kCUDA, static_cast<c10::DeviceIndex>(gpu)),
        guard_(c10::kCUDA),
        sums_(guard_.getStreamFromGlobalPool(gpu_, /*isHighPriority=*/true)) {
    const c10::DeviceGuard on(gpu_);
    comm_ = new_group();
    sums_comm_ = new_group();
    watcher_ = std::jthread([this, failed = std::move(failed)](const std::stop_token& stop) {
      for (; !stop.stop_requested(); std::this_thread::sleep_for(kNcclLook)) {
        const std::lock_guard lock(mutex_);
        if (!failed() && !is_broken(comm_) && !is_broken(sums_comm_)) continue;
        give_up();
        return;
      }
    });
  }

  ~NcclCommunicator() override {
    watcher_ = {};
    if (!given_up_) give_up();  // which, other than leaving, waits for nobody
  }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  int rank() const override { return hosts_->rank(); }
  int size() const override { return hosts_->size(); }
  /// Never: made for one rank, it goes the way of many, so that one GPU is enough to try it.
  bool is_alone() const override { return false; }
  void barrier() override { hosts_->barrier(); }

  void broadcast(const at::Tensor& x) override {
    if (!x.is_cuda()) return hosts_->broadcast(x);
    enqueue("broadcast", [&] {
      return nccl_.broadcast(on_gpu(x).const_data_ptr(), x.mutable_data_ptr(), x.nbytes(),
                             nccl::kUint8, /*root=*/0, comm_, current().native_handle());
    });
  }

  void all_reduce(const at::Tensor& x, core::Reduction reduction) override {
    if (!x.is_cuda()) return hosts_->all_reduce(x, reduction);
    reduce(x, reduction == core::Reduction::kSum ? nccl::kSum : nccl::kMax, comm_,
           current().native_handle());
  }

  std::unique_ptr<Pending> begin_sum(const at::Tensor& x) override {
    if (!x.is_cuda()) return hosts_->begin_sum(x);
    return std::make_unique<Sum>(*this, x);
  }

  at::Tensor all_gather(const at::Tensor& own, const std::vector<std::int64_t>& rows) override {
    if (!own.is_cuda()) return hosts_->all_gather(own, rows);
    const at::Tensor whole = own.contiguous();
    std::vector<std::int64_t> sizes = own.sizes().vec();
    auto row_bytes = static_cast<std::size_t>(own.element_size());
    for (std::size_t i = 1; i < sizes.size(); ++i) row_bytes *= static_cast<std::size_t>(sizes[i]);
    sizes[0] = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
    at::Tensor all = at::empty(sizes, own.options().requires_grad(false));
    auto* to = static_cast<char*>(all.mutable_data_ptr());
    enqueue("gathering", [&] {  // shares may differ: a broadcast from each
      int code = nccl_.begin_group();
      for (int root = 0; root < size(); ++root) {
        const auto count = static_cast<std::size_t>(rows[static_cast<std::size_t>(root)]);
        const int one = nccl_.broadcast(whole.const_data_ptr(), to, count * row_bytes, nccl::kUint8,
                                        root, comm_, current().native_handle());
        code = code == nccl::kSuccess ? one : code;
        to += count * row_bytes;
      }
      const int end = nccl_.end_group();
      return code == nccl::kSuccess ? end : code;
    });
    return all;
  }

  std::vector<std::string> all_gather(const std::string& own) override {
    return hosts_->all_gather(own);
  }
  std::vector<std::string> gather(const std::string& own) override { return hosts_->gather(own); }

 private:
  /// On a stream of its own, so that the backward pass goes on.
  class Sum : public Pending {
   public:
    Sum(NcclCommunicator& team, at::Tensor x) : team_(team), x_(std::move(x)), done_(c10::kCUDA) {
      c10::Event ready(c10::kCUDA);
      ready.record(team.current());
      ready.block(team.sums_);
      team.reduce(x_, nccl::kSum, team.sums_comm_, team.sums_.native_handle());
      done_.record(team.sums_);
    }
    void wait() override { done_.block(team_.current()); }

   private:
    NcclCommunicator& team_;
    at::Tensor x_;
    c10::Event done_;
  };

  nccl::Comm new_group() {
    nccl::UniqueId id{};
    if (hosts_->leads()) require(nccl_.new_id(&id), "a name for the group");
    const at::Tensor bytes = at::empty({static_cast<std::int64_t>(sizeof(id))}, at::kByte);
    std::memcpy(bytes.mutable_data_ptr(), &id, sizeof(id));
    hosts_->broadcast(bytes);
    std::memcpy(&id, bytes.const_data_ptr(), sizeof(id));
    nccl::Comm group = nullptr;
    require(nccl_.join(&group, hosts_->size(), id, hosts_->rank()), "start");
    return group;
  }

  void require(int code, const char* what) const {
    if (code != nccl::kSuccess) throw Error(cat("NCCL: ", what, ": ", nccl_.error_text(code)));
  }

  const at::Tensor& on_gpu(const at::Tensor& x) const {
    if (x.device() != gpu_ || !x.is_contiguous()) {
      throw Error(cat("NCCL: got a tensor on ", x.device(), ", wanted a contiguous one on GPU ",
                      static_cast<int>(gpu_.index())));
    }
    return x;
  }

  c10::Stream current() const { return guard_.getStream(gpu_); }

  /// Not while the group is given up. Once it is, meets the others where their failure is told.
  template <class Work>
  void enqueue(const char* what, Work work) {
    {
      const std::lock_guard lock(mutex_);
      if (!given_up_) return require(work(), what);
    }
    hosts_->barrier();
    throw Error("NCCL: the connection between the GPUs broke");
  }

  void reduce(const at::Tensor& x, nccl::Operation operation, nccl::Comm comm, void* stream) {
    enqueue("sum", [&] {
      return nccl_.all_reduce(on_gpu(x).const_data_ptr(), x.mutable_data_ptr(),
                              static_cast<std::size_t>(x.numel()), nccl_type(x), operation, comm,
                              stream);
    });
  }

  bool is_broken(nccl::Comm group) const {
    int found = nccl::kSuccess;
    return nccl_.state_of(group, &found) != nccl::kSuccess ||
           (found != nccl::kSuccess && found != nccl::kInProgress);
  }

  void give_up() {
    given_up_ = true;
    (void)nccl_.abort(comm_);
    (void)nccl_.abort(sums_comm_);
  }

  Nccl nccl_;
  std::shared_ptr<core::Communicator> hosts_;
  c10::Device gpu_;
  c10::impl::VirtualGuardImpl guard_;
  c10::Stream sums_;
  nccl::Comm comm_ = nullptr;
  nccl::Comm sums_comm_ = nullptr;  // operations that others come between
  std::mutex mutex_;                // of what is enqueued and giving up
  bool given_up_ = false;
  std::jthread watcher_;
};

}  // namespace

bool can_pass_messages_between_gpus() { return Nccl().is_there(); }

std::shared_ptr<core::Communicator> between_gpus(std::shared_ptr<core::Communicator> hosts, int gpu,
                                                 std::function<bool()> failed) {
  if (!can_pass_messages_between_gpus()) {
    throw core::UsageError(
        "several processes want GPUs, but no NCCL is loaded: use --device cpu, or a CUDA LibTorch");
  }
  return std::make_shared<NcclCommunicator>(std::move(hosts), gpu, std::move(failed));
}

}  // namespace pcnet::distributed
