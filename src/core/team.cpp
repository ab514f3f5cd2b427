#include "pcnet/core/team.h"

#include <ATen/TensorIterator.h>
#include <ATen/ops/arange.h>
#include <dlfcn.h>

#include "pcnet/core/barriers.h"

namespace pcnet::core {

void on_team(std::int64_t count, const std::function<void(std::int64_t, std::int64_t)>& work) {
  if (count <= 0) return;
  if (count == 1) return work(0, 1);
  // An iteration over the numbers themselves is the loop that LibTorch's library offers.
  const at::Tensor numbers = at::arange(count, at::kLong);
  auto loop = at::TensorIteratorConfig()
                  .check_all_same_dtype(false)
                  .resize_outputs(false)
                  .add_borrowed_output(numbers)
                  .build();
  const auto* first = numbers.const_data_ptr<std::int64_t>();
  loop.for_each(
      [&](char** data, const std::int64_t* /*strides*/, std::int64_t size) {
        const std::int64_t begin = reinterpret_cast<const std::int64_t*>(data[0]) - first;
        work(begin, begin + size);
      },
      /*grain_size=*/1);
}

void end_team() {
  // Of OpenMP 5.0. In another library it could end all threads' teams, and none has this reason.
  constexpr int kSoft = 1;
  using Pause = int (*)(int kind);
  static const auto pause =
      barrier_waiting().library == "libgomp"
          ? reinterpret_cast<Pause>(::dlsym(RTLD_DEFAULT, "omp_pause_resource_all"))
          : nullptr;
  if (pause != nullptr) pause(kSoft);
}

}  // namespace pcnet::core
