#include "pcnet/core/batch_share.h"

#include <numeric>
#include <utility>

#include <torch/torch.h>

namespace pcnet::core {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char* kWay = "way";

/// What the backward pass of a gathering needs.
struct Way : torch::CustomClassHolder {
  std::shared_ptr<Communicator> team;
  std::vector<std::int64_t> rows;
  std::int64_t before = 0;
  bool sums = false;  // the gradients of the processes
};

struct Gathered : torch::autograd::Function<Gathered> {
  static at::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<Way>& way,
                            const at::Tensor& own) {
    context->saved_data[kWay] = c10::IValue::make_capsule(way);
    return way->team->all_gather(own, way->rows);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto capsule = context->saved_data[kWay].toCapsule();
    const auto& way = static_cast<const Way&>(*capsule);
    at::Tensor all = gradients.front();
    if (way.sums) {
      all = all.contiguous().clone();
      way.team->all_reduce(all, Reduction::kSum);
    }
    const auto rank = static_cast<std::size_t>(way.team->rank());
    return {at::Tensor(), all.narrow(/*dim=*/0, way.before, way.rows[rank])};
  }
};

at::Tensor rows_of_all(const at::Tensor& own, const std::shared_ptr<Communicator>& team,
                       const std::vector<std::int64_t>& rows, std::int64_t before, bool sums) {
  auto way = c10::make_intrusive<Way>();
  way->team = team;
  way->rows = rows;
  way->before = before;
  way->sums = sums;
  return Gathered::apply(way, own);
}

}  // namespace

BatchShare::BatchShare(std::shared_ptr<Communicator> team, std::vector<std::int64_t> rows)
    : rows_(std::move(rows)) {
  if (!team || team->is_alone()) return;
  team_ = std::move(team);
  before_ = std::accumulate(rows_.begin(), rows_.begin() + team_->rank(), std::int64_t{0});
}

std::int64_t BatchShare::whole(std::int64_t own) const {
  return is_whole() ? own : std::accumulate(rows_.begin(), rows_.end(), std::int64_t{0});
}

at::Tensor BatchShare::of(const at::Tensor& whole) const {
  if (is_whole() || !whole.defined()) return whole;
  return whole.narrow(/*dim=*/0, before_, rows_.at(static_cast<std::size_t>(team_->rank())));
}

at::Tensor BatchShare::gathered(const at::Tensor& own) const {
  return is_whole() ? own : rows_of_all(own, team_, rows_, before_, /*sums=*/true);
}

at::Tensor BatchShare::together(const at::Tensor& own) const {
  return is_whole() ? own : rows_of_all(own, team_, rows_, before_, /*sums=*/false);
}

at::Tensor BatchShare::diagonal(const at::Tensor& x) const {
  const at::Tensor square = is_whole() ? x : x.narrow(/*dim=*/1, before_, x.size(0));
  return square.diagonal(/*offset=*/0, /*dim1=*/0, /*dim2=*/1).movedim(-1, 0);
}

}  // namespace pcnet::core
