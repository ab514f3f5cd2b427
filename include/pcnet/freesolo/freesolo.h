#pragma once

#include <vector>

#include <torch/torch.h>

#include "pcnet/freesolo/backbone.h"
#include "pcnet/freesolo/heads.h"
#include "pcnet/freesolo/options.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/rle.h"

namespace pcnet::freesolo {

/// FreeSOLO under the names of its released weights: `backbone`, `ins_head`, `mask_head`.
class FreesoloImpl : public torch::nn::Module {
 public:
  explicit FreesoloImpl(const NetworkOptions& options = {});

  struct Output {
    Cells cells;
    at::Tensor mask_features;  ///< [B, kernel, H / 4, W / 4]
  };
  /// images [B, 3, H, W], normalised, sides of whole multiples of 32
  Output forward(const at::Tensor& images);
  /// Makes the batch norms a part of their convolutions. load_weights does it.
  void fold_norms();

 private:
  Backbone backbone_ = nullptr;
  InstanceHead ins_head_ = nullptr;
  MaskHead mask_head_ = nullptr;
};
TORCH_MODULE(Freesolo);

/// The size that the network sees a picture in, before it is padded to multiples of 32.
image::PictureSize input_size(const image::PictureSize& picture, const InputOptions& options);

/// A picture as the network takes it.
struct Input {
  at::Tensor images;        ///< [1, 3, H, W], padded with zeros at the right and the bottom
  image::PictureSize seen;  ///< without the padding
};
/// `like` gives the type and device. docs/freesolo.md#input
Input make_input(const image::Picture& picture, const InputOptions& options,
                 const at::TensorOptions& like);

struct Proposal {
  image::Rle mask;  ///< of the picture's size
  double score =
      0;  ///< probability x mean of the soft mask inside, lowered by better overlapping masks
};

struct ProposeOptions {
  InputOptions input;
  SelectionOptions selection;
};

/// The proposals of a picture, the best first; none is empty, there may be none.
std::vector<Proposal> propose(Freesolo& network, const image::Picture& picture,
                              const ProposeOptions& options = {});

}  // namespace pcnet::freesolo
