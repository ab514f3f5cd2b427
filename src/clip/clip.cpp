#include "pcnet/clip/clip.h"

#include <cmath>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::clip {

namespace nn = torch::nn;

ClipImpl::ClipImpl(const config::ClipOptions& clip, std::int64_t vocabulary_size) : options(clip) {
  const auto& text = options.text;
  visual_ = register_module("visual", ModifiedResNet(options.visual));
  transformer_ = register_module("transformer", Transformer(text));
  token_embedding_ = register_module("token_embedding", nn::Embedding(vocabulary_size, text.width));
  positional_embedding_ = register_parameter(
      "positional_embedding", torch::randn({text.context_length, text.width}) * 0.01);
  ln_final_ = register_module("ln_final", nn::LayerNorm(nn::LayerNormOptions({text.width})));
  text_projection_ =
      register_parameter("text_projection", torch::randn({text.width, text.output_dim}) /
                                                std::sqrt(static_cast<double>(text.width)));
  logit_scale_ = register_parameter("logit_scale", torch::tensor(std::log(1 / 0.07)));
  const torch::NoGradGuard no_grad;
  token_embedding_->weight.normal_(0, 0.02);
}

at::Tensor ClipImpl::encode_text(const at::Tensor& tokens) {
  const std::int64_t length = tokens.size(1);
  if (length > positional_embedding_.size(0)) {
    throw core::Error(core::cat("texts of ", length, " tokens are longer than the context of ",
                                positional_embedding_.size(0),
                                " (data.text_length, model.clip.text.context_length)"));
  }
  at::Tensor x = token_embedding_(tokens) +
                 positional_embedding_.slice(/*dim=*/0, /*start=*/0, /*end=*/length);
  x = ln_final_(transformer_(x));  // [M, T, width]
  const at::Tensor end = tokens.argmax(/*dim=*/1).view({-1, 1, 1}).expand({-1, 1, x.size(2)});
  return x.gather(/*dim=*/1, end).squeeze(/*dim=*/1).matmul(text_projection_);
}

}  // namespace pcnet::clip
