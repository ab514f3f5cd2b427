#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pcnet/image/picture.h"
#include "pcnet/sam/sam.h"

namespace pcnet::sam {

/// How an image lies in the encoder's square: as large as fits, at the left and the top.
struct Frame {
  std::int64_t height = 0;  ///< of the image, px
  std::int64_t width = 0;
  std::int64_t inner_height = 0;  ///< of the image within the square, px
  std::int64_t inner_width = 0;
};
/// @param side of the square, px
Frame frame_of(std::int64_t height, std::int64_t width, std::int64_t side);

/// Logits [h, w] over the square of an image at its size, [height, width] float.
at::Tensor upscale(const at::Tensor& logits, const Frame& frame);

/// An image as SAM's decoder sees it. It may be kept and used again.
struct Embedding {
  at::Tensor features;  ///< [1, 256, grid, grid]
  Frame frame;
};

/// A place in an image, in its pixels: x to the right, y downwards, whole numbers at the middles
/// of pixels.
struct Point {
  double x = 0;
  double y = 0;

  bool operator==(const Point&) const = default;
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

  const SamOptions& options() const { return sam_->options; }
  /// Runs the image encoder. Error for a picture without pixels.
  Embedding embed(const image::Picture& picture);
  /// The image that the next prompts are about.
  void set_image(Embedding embedding);
  const Embedding& image() const { return embedding_; }

  /// -> logits [1 or 3, 4 grid, 4 grid] and the IoU that each is predicted to have, [1 or 3].
  MaskDecoderImpl::Masks predict(const Prompt& prompt, Outputs outputs);
  /// What each click means by itself: logits [n, 1 or 3, 4 grid, 4 grid] and predicted IoU
  /// [n, 1 or 3].
  MaskDecoderImpl::Masks clicks(std::span<const Point> points,
                                Outputs outputs = Outputs::kMultiple);

  /// The pixels of an image whose logits [4 grid, 4 grid] are above 0 at its size.
  static image::Mask mask_of(const at::Tensor& logits, const Frame& frame);

 private:
  at::Tensor points_tensor(std::span<const Point> points) const;

  Sam sam_;
  Embedding embedding_;
  MaskDecoderImpl::Image seen_;  // without a mask prompt
  at::Tensor places_;            // of the cells
};

}  // namespace pcnet::sam
