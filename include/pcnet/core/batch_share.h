#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/core/communicator.h"

namespace pcnet::core {

/// The rows of a batch that this process holds, and how it sees those of the others
/// (docs/clusters.md#the-loss-of-the-whole-batch). n counts its own rows, B all.
///
/// By default the process is alone, holds them all, and every function gives back what it gets.
class BatchShare {
 public:
  BatchShare() = default;
  /// @param rows of each process, in their order
  BatchShare(std::shared_ptr<Communicator> team, std::vector<std::int64_t> rows);

  bool is_whole() const { return team_ == nullptr; }
  std::int64_t before() const { return before_; }  ///< rows of the processes before this one
  /// B of n own rows.
  std::int64_t whole(std::int64_t own) const;
  const std::vector<std::int64_t>& rows() const { return rows_; }
  const std::shared_ptr<Communicator>& team() const { return team_; }

  /// [B, ..] -> [n, ..]: the own rows, a view; an undefined tensor stays one
  at::Tensor of(const at::Tensor& whole) const;
  /// [n, ..] -> [B, ..] for a process that goes on with it in its own way, with its own images: the
  /// gradient of a row is the sum of what all processes made of it.
  at::Tensor gathered(const at::Tensor& own) const;
  /// [n, ..] -> [B, ..] for what all processes compute alike, as they do the loss: the gradient of
  /// a row is that of one of them.
  at::Tensor together(const at::Tensor& own) const;
  /// x [n, B, ..] -> [n, ..]: element i of row i, both counted in the whole batch
  at::Tensor diagonal(const at::Tensor& x) const;

 private:
  std::shared_ptr<Communicator> team_;  // null: alone
  std::vector<std::int64_t> rows_;
  std::int64_t before_ = 0;
};

}  // namespace pcnet::core
