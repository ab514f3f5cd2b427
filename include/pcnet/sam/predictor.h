#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pcnet/image/picture.h"
#include "pcnet/sam/sam.h"

namespace pcnet::sam {

/// An image as SAM's decoder sees it. It may be kept and used again.
struct Embedding {
  at::Tensor features;      ///< [1, 256, grid, grid] on the model's device
  std::int64_t height = 0;  ///< of the image, px
  std::int64_t width = 0;
  std::int64_t inner_height = 0;  ///< of the image within the encoder's square, px
  std::int64_t inner_width = 0;
};

/// A place in an image, in its pixels: x to the right, y downwards, whole numbers at the middles
/// of pixels.
struct Point {
  double x = 0;
  double y = 0;
};

/// The prompts of one mask, in the image's pixels.
struct Prompt {
  std::vector<Point> points;
  std::vector<std::int64_t> labels;          ///< of each: 1 on the object, 0 beside it
  std::optional<std::array<double, 4>> box;  ///< x1, y1, x2, y2
  at::Tensor mask;                           ///< [4 grid, 4 grid] logits of an earlier answer
};

/// Asks a SAM about one image after the other (docs/sam.md#predictor). Not for several threads.
class Predictor {
 public:
  /// The model's parameters decide device and type.
  explicit Predictor(Sam sam);

  /// Runs the image encoder. Error for a picture without pixels.
  Embedding embed(const image::Picture& picture);
  /// The image that the next prompts are about.
  void set_image(Embedding embedding);
  const Embedding& image() const { return embedding_; }

  /// -> logits [1 or 3, 4 grid, 4 grid] and the IoU that each is predicted to have, [1 or 3].
  MaskDecoderImpl::Masks predict(const Prompt& prompt, Outputs outputs);
  /// What each click means by itself: logits [n, 3, 4 grid, 4 grid] and predicted IoU [n, 3].
  MaskDecoderImpl::Masks clicks(std::span<const Point> points);

  /// Logits [4 grid, 4 grid] of an image at its size, [height, width] float.
  static at::Tensor upscale(const at::Tensor& logits, const Embedding& of);
  /// Where these are above 0.
  static image::Mask mask_of(const at::Tensor& logits, const Embedding& of);

 private:
  at::Tensor points_tensor(std::span<const Point> points) const;

  Sam sam_;
  Embedding embedding_;
  MaskDecoderImpl::Image seen_;  // without a mask prompt
  at::Tensor places_;            // of the cells
};

}  // namespace pcnet::sam
