#include "pcnet/clip/clip.h"

#include <cmath>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::clip {

namespace nn = torch::nn;

ClipImpl::ClipImpl(const config::ClipOptions& clip, std::int64_t vocabulary_size) : options(clip) {
  const auto& text = options.text;
  visual_ = register_module("visual", make_image_encoder(options.visual));
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
  if (tokens.dim() != 2 || tokens.size(1) < 1 || tokens.scalar_type() != at::kLong) {
    throw core::Error(core::cat("tokens: got ", tokens.sizes(), " of ", tokens.scalar_type(),
                                ", wanted [M, T] of Long with T at least 1"));
  }
  if (tokens.size(1) > positional_embedding_.size(0)) {
    throw core::Error(core::cat(
        "texts of ", tokens.size(1), " tokens are longer than the context of ",
        positional_embedding_.size(0), " (data.text_length, model.clip.text.context_length)"));
  }
  if (tokens.size(0) == 0) return text_projection_.new_zeros({0, text_projection_.size(1)});
  const c10::Device device = text_projection_.device();
  if (!tokens.is_cpu()) {
    const auto [count, length] = std::pair(tokens.size(0), tokens.size(1));
    const at::Tensor places = at::arange(length, tokens.options());
    const at::Tensor first = at::arange(count, tokens.options()) * length;
    return encode_packed(
        {tokens.flatten(),
         places.repeat(count),
         {.before = {}, .length = length, .ends = first + tokens.argmax(/*dim=*/1)},
         /*text=*/{}});
  }
  PackedTexts packed =
      pack_texts(tokens, device.is_cpu() ? TextLayout::kShared : TextLayout::kPadded);
  for (at::Tensor* part : {&packed.tokens, &packed.places, &packed.rows.ends, &packed.text}) {
    *part = part->to(device, /*non_blocking=*/true);
  }
  return encode_packed(packed);
}

at::Tensor ClipImpl::encode_packed(const PackedTexts& texts) {
  const at::Tensor x =
      token_embedding_(texts.tokens) + at::embedding(positional_embedding_, texts.places);
  const at::Tensor features = ln_final_(transformer_(x, texts.rows)).matmul(text_projection_);
  return texts.text.defined() ? features.index_select(/*dim=*/0, texts.text) : features;
}

}  // namespace pcnet::clip
