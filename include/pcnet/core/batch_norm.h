#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/torch.h>

namespace pcnet::core {

/// While it lives, the batch norms inside a module write their running statistics elsewhere: a
/// pass that repeats another one does not count again.
class StatisticsAside {
 public:
  explicit StatisticsAside(const torch::nn::Module& module);
  ~StatisticsAside();
  StatisticsAside(const StatisticsAside&) = delete;
  StatisticsAside& operator=(const StatisticsAside&) = delete;

 private:
  struct Kept {
    std::shared_ptr<torch::nn::BatchNorm2dImpl> norm;
    at::Tensor mean, variance, count;
  };
  std::vector<Kept> kept_;
};

/// A part of a batch: `size` of `whole` samples, after `before` of them.
struct BatchPart {
  std::int64_t before = 0;
  std::int64_t size = 0;
  std::int64_t whole = 0;
};

/// While it lives, a pass of the batch norms inside a module counts as one part of a batch: once
/// all parts have passed in turn, the running statistics have moved once, by the mean of the parts'
/// statistics.
class StatisticsOfPart {
 public:
  StatisticsOfPart(const torch::nn::Module& module, const BatchPart& part);
  ~StatisticsOfPart();
  StatisticsOfPart(const StatisticsOfPart&) = delete;
  StatisticsOfPart& operator=(const StatisticsOfPart&) = delete;

 private:
  struct Kept {
    std::shared_ptr<torch::nn::BatchNorm2dImpl> norm;
    double momentum;
    at::Tensor count;
  };
  std::vector<Kept> kept_;
};

}  // namespace pcnet::core
