#include "mpi_communicator.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::distributed {

using core::cat;
using core::Error;

namespace {

constexpr std::int64_t kMostNumbers = std::int64_t{1} << 28;  // of one operation: counts are ints

void require(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  std::string text(MPI_MAX_ERROR_STRING, '\0');
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw Error(cat("MPI: ", what, ": ", text.substr(0, static_cast<std::size_t>(length))));
}

MPI_Datatype mpi_type(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat:
      return MPI_FLOAT;
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kLong:
      return MPI_INT64_T;
    case at::kByte:
      return MPI_UINT8_T;
    default:
      throw Error(cat("MPI: cannot add up tensors of ", x.scalar_type()));
  }
}

const at::Tensor& on_host(const at::Tensor& x) {
  if (!x.is_cpu()) throw Error(cat("MPI: got a tensor on ", x.device(), ", wanted it on the CPU"));
  if (!x.is_contiguous()) throw Error("MPI: got a tensor that is not contiguous");
  return x;
}

int as_int(std::int64_t bytes) {
  if (bytes <= std::numeric_limits<int>::max()) return static_cast<int>(bytes);
  throw Error(cat("MPI: a message of ", bytes, " bytes is too long"));
}

/// Where the parts of so many bytes begin, and the sum.
std::vector<int> places_of(const std::vector<int>& bytes, std::int64_t& sum) {
  std::vector<int> places;
  sum = 0;
  for (const int count : bytes) {
    places.push_back(as_int(sum));
    sum += count;
  }
  return places;
}

/// Waits between two looks: long waits leave the core to others.
class Patience {
 public:
  void rest() {
    ++looks_;
    if (looks_ < kSpins) return;
    if (looks_ < kYields) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kSleep);
    }
  }
  /// Now and then, since it costs a few calls to the system.
  bool looks_around() const {
    return looks_ % kYields == kYields - 1 || (looks_ > kYields && looks_ % 64 == 0);
  }

 private:
  static constexpr int kSpins = 64;
  static constexpr int kYields = 2048;
  static constexpr std::chrono::microseconds kSleep{50};
  int looks_ = 0;
};

}  // namespace

class MpiCommunicator::Reducing : public Pending {
 public:
  Reducing(MpiCommunicator& team, MPI_Comm among, const at::Tensor& x, MPI_Op operation)
      : team_(team), x_(x) {
    auto* numbers = static_cast<char*>(on_host(x).mutable_data_ptr());
    for (std::int64_t begin = 0; begin < x.numel(); begin += kMostNumbers) {
      const auto count = static_cast<int>(std::min(kMostNumbers, x.numel() - begin));
      require(MPI_Iallreduce(MPI_IN_PLACE, numbers + begin * x.element_size(), count, mpi_type(x),
                             operation, among, &requests_.emplace_back()),
              "reduction");
    }
  }
  void progress() override {
    int done = 0;
    for (auto& request : requests_) {
      require(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "reduction");
    }
  }
  void wait() override {
    for (auto& request : requests_) team_.wait(request);
  }

 private:
  MpiCommunicator& team_;
  at::Tensor x_;
  std::vector<MPI_Request> requests_;
};

MpiCommunicator::MpiCommunicator(MPI_Comm world, std::function<void()> look_after)
    : world_(world), sums_(MPI_COMM_NULL), look_after_(std::move(look_after)) {
  MPI_Comm_rank(world, &rank_);
  MPI_Comm_size(world, &size_);
  require(MPI_Comm_dup(world, &sums_), "a second communicator");
  MPI_Comm_set_errhandler(world_, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(sums_, MPI_ERRORS_RETURN);
}

void MpiCommunicator::wait(MPI_Request& request) {
  Patience patience;
  for (;;) {
    int done = 0;
    require(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "waiting");
    if (done != 0) return;
    patience.rest();
    if (patience.looks_around()) look_after_();
  }
}

void MpiCommunicator::barrier() {
  MPI_Request request = MPI_REQUEST_NULL;
  require(MPI_Ibarrier(world_, &request), "barrier");
  wait(request);
}

void MpiCommunicator::broadcast(const at::Tensor& x) {
  auto* bytes = static_cast<char*>(on_host(x).mutable_data_ptr());
  const auto all = static_cast<std::int64_t>(x.nbytes());
  for (std::int64_t begin = 0; begin < all; begin += kMostNumbers) {
    MPI_Request request = MPI_REQUEST_NULL;
    require(
        MPI_Ibcast(bytes + begin, static_cast<int>(std::min(kMostNumbers, all - begin)), MPI_BYTE,
                   /*root=*/0, world_, &request),
        "broadcast");
    wait(request);
  }
}

void MpiCommunicator::all_reduce(const at::Tensor& x, core::Reduction reduction) {
  Reducing(*this, world_, x, reduction == core::Reduction::kSum ? MPI_SUM : MPI_MAX).wait();
}

std::unique_ptr<core::Communicator::Pending> MpiCommunicator::begin_sum(const at::Tensor& x) {
  return std::make_unique<Reducing>(*this, sums_, x, MPI_SUM);
}

at::Tensor MpiCommunicator::all_gather(const at::Tensor& own,
                                       const std::vector<std::int64_t>& rows) {
  const at::Tensor whole = own.contiguous();
  std::vector<std::int64_t> sizes = own.sizes().vec();
  std::int64_t row_bytes = static_cast<std::int64_t>(own.element_size());
  for (std::size_t i = 1; i < sizes.size(); ++i) row_bytes *= sizes[i];
  sizes[0] = 0;
  std::vector<int> bytes;
  for (const auto count : rows) {
    sizes[0] += count;
    bytes.push_back(as_int(count * row_bytes));
  }
  std::int64_t sum = 0;
  const std::vector<int> places = places_of(bytes, sum);
  at::Tensor all = at::empty(sizes, own.options().requires_grad(false));
  MPI_Request request = MPI_REQUEST_NULL;
  require(MPI_Iallgatherv(
              on_host(whole).const_data_ptr(), bytes.at(static_cast<std::size_t>(rank_)), MPI_BYTE,
              all.mutable_data_ptr(), bytes.data(), places.data(), MPI_BYTE, world_, &request),
          "gathering");
  wait(request);
  return all;
}

std::vector<std::int64_t> MpiCommunicator::lengths_of(const std::string& own) {
  const std::vector<std::int64_t> one(static_cast<std::size_t>(size_), 1);
  const at::Tensor lengths =
      all_gather(at::full({1}, static_cast<std::int64_t>(own.size()), at::kLong), one);
  const auto* length = lengths.const_data_ptr<std::int64_t>();
  return {length, length + size_};
}

std::vector<std::string> MpiCommunicator::gather(const std::string& own) {
  std::vector<int> bytes;
  for (const auto length : lengths_of(own)) bytes.push_back(as_int(length));
  std::int64_t sum = 0;
  const std::vector<int> places = places_of(bytes, sum);
  std::string all(leads() ? static_cast<std::size_t>(sum) : 0, '\0');
  MPI_Request request = MPI_REQUEST_NULL;
  require(
      MPI_Igatherv(own.data(), as_int(static_cast<std::int64_t>(own.size())), MPI_BYTE, all.data(),
                   bytes.data(), places.data(), MPI_BYTE, /*root=*/0, world_, &request),
      "gathering");
  wait(request);
  std::vector<std::string> texts;
  for (std::size_t i = 0; leads() && i < bytes.size(); ++i) {
    texts.push_back(
        all.substr(static_cast<std::size_t>(places[i]), static_cast<std::size_t>(bytes[i])));
  }
  return texts;
}

std::vector<std::string> MpiCommunicator::all_gather(const std::string& own) {
  const std::vector<std::int64_t> rows = lengths_of(own);
  const at::Tensor said = at::empty({static_cast<std::int64_t>(own.size())}, at::kByte);
  std::copy(own.begin(), own.end(), said.mutable_data_ptr<std::uint8_t>());
  const at::Tensor all = all_gather(said, rows);
  const auto* from = reinterpret_cast<const char*>(all.const_data_ptr<std::uint8_t>());  // NOLINT
  std::vector<std::string> texts;
  for (const auto count : rows) {
    texts.emplace_back(from, static_cast<std::size_t>(count));
    from += count;
  }
  return texts;
}

}  // namespace pcnet::distributed
