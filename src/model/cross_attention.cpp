#include "pcnet/model/cross_attention.h"

#include <cmath>
#include <limits>

#include "pcnet/core/packed_linear.h"

namespace pcnet::model {

namespace nn = torch::nn;

namespace {

/// On a GPU, where LibTorch takes a norm of each map for a batch norm of very many channels, as the
/// norm of groups of one channel that it also is.
class MapNorm : public nn::InstanceNorm2dImpl {
 public:
  explicit MapNorm(std::int64_t width)
      : nn::InstanceNorm2dImpl(nn::InstanceNorm2dOptions(width).affine(true)) {}
  at::Tensor forward(const at::Tensor& maps) {
    if (!maps.is_cuda()) return nn::InstanceNorm2dImpl::forward(maps);
    return at::group_norm(maps, maps.size(1), weight, bias, options.eps());
  }
};

nn::Sequential visual_output(std::int64_t width) {
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(width, width, /*kernel_size=*/1)),
                        MapNorm(width));
}

nn::Sequential visual_projection(std::int64_t width) {
  nn::Sequential projection = visual_output(width);
  projection->push_back(nn::ReLU());
  return projection;
}

nn::Sequential text_output(std::int64_t width) {
  return nn::Sequential(core::Linear(width, width));
}

nn::Sequential text_projection(std::int64_t width) {
  return nn::Sequential(core::Linear(width, width), nn::ReLU());
}

at::Tensor swapped(const at::Tensor& rows) { return rows.transpose(-2, -1); }

}  // namespace

at::Tensor attend(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                  const at::Tensor& visible) {
  const double root = std::sqrt(static_cast<double>(query.size(-1)));
  at::Tensor logits = at::matmul(query / root, keys);  // [.., M, X]
  if (visible.defined()) {
    logits = logits.masked_fill(visible.logical_not(), -std::numeric_limits<double>::infinity());
  }
  return at::matmul(logits.softmax(/*dim=*/-1), swapped(values));
}

CrossAttentionImpl::CrossAttentionImpl(std::int64_t width, const AttentionUses& uses,
                                       double input_scale)
    : input_scale_(input_scale) {
  const auto visual = [&](const char* name, bool needed) {
    return needed ? register_module(name, visual_projection(width)) : nullptr;
  };
  const auto text = [&](const char* name, bool needed) {
    return needed ? register_module(name, text_projection(width)) : nullptr;
  };
  v_proj1_ = visual("v_proj1", uses.text_to_vision);
  v_proj2_ = visual("v_proj2", uses.vision_to_text);
  v_proj3_ = visual("v_proj3", uses.vision_to_text);
  t_proj1_ = text("t_proj1", uses.vision_to_text || uses.text_to_text);
  t_proj2_ = text("t_proj2", uses.text_to_text || uses.text_to_vision);
  t_proj3_ = text("t_proj3", uses.text_to_text || uses.one_text || uses.text_to_vision);
  if (uses.text_to_vision) v_output_ = register_module("v_output", visual_output(width));
  if (uses.vision_to_text || uses.text_to_text || uses.one_text) {
    t_output_ = register_module("t_output", text_output(width));
  }
}

at::Tensor CrossAttentionImpl::scaled(const at::Tensor& input) const {
  return input_scale_ == 1 ? input : input * input_scale_;
}

VisualMemory CrossAttentionImpl::look_at(const at::Tensor& visual) {
  const at::Tensor input = scaled(visual);
  return {v_proj2_->forward(input).flatten(/*start_dim=*/2),
          v_proj3_->forward(input).flatten(/*start_dim=*/2)};
}

at::Tensor CrossAttentionImpl::vision_to_text(const at::Tensor& texts, const VisualMemory& memory) {
  const at::Tensor query = t_proj1_->forward(scaled(texts));
  return t_output_->forward(attend(query, memory.keys, memory.values));
}

at::Tensor CrossAttentionImpl::text_to_text(const at::Tensor& texts, const at::Tensor& context,
                                            const at::Tensor& visible) {
  const at::Tensor seen = scaled(context);
  return t_output_->forward(attend(t_proj1_->forward(scaled(texts)),
                                   swapped(t_proj2_->forward(seen)),
                                   swapped(t_proj3_->forward(seen)), visible));
}

at::Tensor CrossAttentionImpl::text_to_reshaped(const at::Tensor& texts,
                                                const at::Tensor& context) {
  const std::int64_t pictures = texts.size(0);
  const std::int64_t each = texts.size(1);  // D'
  const at::Tensor seen = scaled(context);
  const auto reshaped = [&](torch::nn::Sequential& projection) {
    return projection->forward(seen).reshape({each, -1, pictures});  // [D', C, B]
  };
  // Texts in the order of the contexts, then those of one j mod D' together: [D', B, C].
  const at::Tensor query = t_proj1_->forward(scaled(texts))
                               .transpose(0, 1)
                               .reshape({pictures, each, -1})
                               .transpose(0, 1);
  const at::Tensor attended = attend(query, reshaped(t_proj2_), reshaped(t_proj3_));
  return t_output_->forward(attended.transpose(0, 1).reshape({each, pictures, -1}).transpose(0, 1));
}

at::Tensor CrossAttentionImpl::one_text(const at::Tensor& context) {
  return t_output_->forward(t_proj3_->forward(scaled(context)));
}

at::Tensor CrossAttentionImpl::text_to_vision(const at::Tensor& visual, const at::Tensor& texts) {
  if (texts.size(1) == 1) return only_text_to_vision().expand_as(visual);
  const at::Tensor query = v_proj1_->forward(scaled(visual)).flatten(/*start_dim=*/2);
  const at::Tensor seen = scaled(texts);
  const at::Tensor cells =
      attend(swapped(query), swapped(t_proj2_->forward(seen)), swapped(t_proj3_->forward(seen)));
  return v_output_->forward(swapped(cells).reshape(visual.sizes()));  // [B, P, C] -> [B, C, h, w]
}

at::Tensor CrossAttentionImpl::only_text_to_vision() {
  return v_output_->named_parameters()["1.bias"].view({-1, 1, 1});
}

}  // namespace pcnet::model
