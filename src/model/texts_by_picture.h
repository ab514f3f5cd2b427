#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace pcnet::model {

/// Lays the texts of several pictures out picture by picture, so that a picture's cells need not be
/// copied for each of its texts.
class TextsByPicture {
 public:
  /// @param picture [M] int64, the picture of each text; best on the CPU. Error for another shape
  ///   than [texts] and for pictures outside 0 .. pictures - 1.
  TextsByPicture(const at::Tensor& picture, std::int64_t texts, std::int64_t pictures,
                 const at::Device& device);

  /// x [M, C] -> [B, L, C], L the most texts of a picture; rows without a text are zero.
  at::Tensor laid_out(const at::Tensor& x) const;
  /// x [B, L, ...] -> [M, ...]
  at::Tensor in_order(const at::Tensor& x) const;

 private:
  std::int64_t pictures_;
  std::int64_t most_ = 1;  // L
  at::Tensor place_;       // [M] int64: the row of each text among the B L
};

}  // namespace pcnet::model
