#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <ATen/core/Tensor.h>

#include "pcnet/data/proposals/proposal_store.h"

namespace pcnet::data {

/// The grid of a picture, [P, h, w] uint8, that is made already.
using FindGrid = std::function<at::Tensor(std::int64_t image_id)>;

/// The proposals of pictures on the grid of the losses, made once and kept. Safe to use from
/// several threads.
class GridStore {
 public:
  struct Options {
    std::int64_t height = 0;  ///< h and w of the loss grid, in cells
    std::int64_t width = 0;
    std::int64_t most = 40;  ///< P: fewer are padded with all-zero planes, of more the largest stay
    bool nearest = false;    ///< sampled as the released code does, not by area
  };

  /// `proposals` must outlive the store.
  /// @param ready gives grids as the options say; empty: they are made from the proposals
  GridStore(const ProposalStore& proposals, const Options& options, FindGrid ready = {})
      : proposals_(proposals), options_(options), ready_(std::move(ready)) {}

  /// [P, h, w] uint8; all zero for a picture without proposals.
  at::Tensor get(std::int64_t image_id);

 private:
  at::Tensor make(std::int64_t image_id) const;

  const ProposalStore& proposals_;
  Options options_;
  FindGrid ready_;
  std::mutex mutex_;
  std::unordered_map<std::int64_t, at::Tensor> kept_;
};

}  // namespace pcnet::data
