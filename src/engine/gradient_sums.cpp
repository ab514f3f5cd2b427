#include "pcnet/engine/gradient_sums.h"

#include <algorithm>
#include <map>

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>

namespace pcnet::engine {

namespace {

/// Room for a parameter in a bucket, in its own layout: memory is walked over in one way by all.
at::Tensor room_in(const at::Tensor& flat, std::int64_t begin, const at::Tensor& parameter) {
  const at::Tensor room = flat.narrow(/*dim=*/0, begin, parameter.numel());
  return parameter.is_non_overlapping_and_dense()
             ? room.as_strided(parameter.sizes(), parameter.strides(), room.storage_offset())
             : room.view(parameter.sizes());
}

}  // namespace

GradientSums::GradientSums(core::Communicator& team, const std::vector<ParameterGroup>& groups,
                           std::int64_t bucket_bytes)
    : team_(team), bucket_bytes_(bucket_bytes) {
  if (team_.is_alone()) return;
  for (const auto& group : groups) {
    for (const auto& [name, parameter] : group.parameters) {
      if (parameter.requires_grad()) slots_.push_back({.parameter = parameter});
    }
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    slot.accumulator = torch::autograd::impl::grad_accumulator(slot.parameter);
    slot.hook =
        slot.accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
            [this, i](const torch::autograd::variable_list& outputs,
                      const torch::autograd::variable_list& /*inputs*/) {
              if (under_way_) arrived(i);
              return outputs;
            }));
  }
}

GradientSums::~GradientSums() {
  for (auto& slot : slots_) slot.accumulator->del_post_hook(slot.hook);
}

void GradientSums::begin() {
  arrivals_.clear();
  next_ = 0;
  for (auto& bucket : buckets_) {
    bucket.missing = bucket.slots.size();
    bucket.pending.reset();
  }
  under_way_ = !slots_.empty();
}

void GradientSums::arrived(std::size_t slot) {
  if (buckets_.empty()) return arrivals_.push_back(slot);  // the first pass tells the order
  --buckets_[slots_[slot].bucket].missing;
  // In one order everywhere, whichever is ready first here.
  while (next_ < buckets_.size() && buckets_[next_].missing == 0) send(buckets_[next_++]);
  for (std::size_t i = 0; i < next_; ++i) buckets_[i].pending->progress();
}

void GradientSums::send(Bucket& bucket) {
  const torch::NoGradGuard no_grad;
  for (const auto i : bucket.slots) {
    const at::Tensor& gradient = slots_[i].parameter.grad();
    if (gradient.defined()) {
      slots_[i].place.copy_(gradient);
    } else {
      slots_[i].place.zero_();
    }
  }
  bucket.pending = team_.begin_sum(bucket.flat);
}

std::vector<bool> GradientSums::present() const {
  const at::Tensor said = at::empty({static_cast<std::int64_t>(slots_.size())}, at::kByte);
  auto* has = said.mutable_data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    has[i] = slots_[i].parameter.grad().defined() ? 1 : 0;
  }
  team_.all_reduce(said, core::Reduction::kMaximum);
  std::vector<bool> anywhere;
  for (std::size_t i = 0; i < slots_.size(); ++i) anywhere.push_back(has[i] != 0);
  return anywhere;
}

void GradientSums::finish() {
  if (slots_.empty()) return;
  under_way_ = false;
  if (buckets_.empty()) make_buckets();
  const std::vector<bool> has = present();
  while (next_ < buckets_.size()) send(buckets_[next_++]);
  for (auto& bucket : buckets_) {
    bucket.pending->wait();
    for (const auto i : bucket.slots) {
      if (has[i]) slots_[i].parameter.mutable_grad() = slots_[i].place;
    }
  }
}

void GradientSums::make_buckets() {
  std::vector<std::int64_t> order(arrivals_.begin(), arrivals_.end());
  std::vector<bool> seen(slots_.size(), false);
  for (const auto i : arrivals_) seen[i] = true;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!seen[i]) order.push_back(static_cast<std::int64_t>(i));
  }
  const at::Tensor agreed = torch::tensor(order, at::kLong);
  team_.broadcast(agreed);
  const auto* place = agreed.const_data_ptr<std::int64_t>();
  // A bucket holds one type.
  std::map<at::ScalarType, std::size_t> open;
  std::vector<std::int64_t> sizes;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const auto i = static_cast<std::size_t>(place[k]);
    const at::Tensor& parameter = slots_[i].parameter;
    const auto found = open.find(parameter.scalar_type());
    const auto bytes = static_cast<std::int64_t>(parameter.nbytes());
    const bool fits = found != open.end() &&
                      sizes[found->second] * parameter.element_size() + bytes <= bucket_bytes_;
    if (!fits) {
      open[parameter.scalar_type()] = buckets_.size();
      buckets_.emplace_back();
      sizes.push_back(0);
    }
    slots_[i].bucket = open[parameter.scalar_type()];
    buckets_[slots_[i].bucket].slots.push_back(i);
    sizes[slots_[i].bucket] += parameter.numel();
  }
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    Bucket& bucket = buckets_[b];
    const at::Tensor& first = slots_[bucket.slots.front()].parameter;
    bucket.flat = at::zeros({sizes[b]}, first.options().requires_grad(false));
    std::int64_t begin = 0;
    for (const auto i : bucket.slots) {
      slots_[i].place = room_in(bucket.flat, begin, slots_[i].parameter);
      begin += slots_[i].parameter.numel();
    }
  }
}

std::int64_t GradientSums::bytes() const {
  std::int64_t sum = 0;
  for (const auto& slot : slots_) sum += static_cast<std::int64_t>(slot.parameter.nbytes());
  return sum;
}

}  // namespace pcnet::engine
