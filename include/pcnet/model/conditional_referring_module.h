#pragma once

#include <cstdint>
#include <vector>

#include <torch/torch.h>

#include "pcnet/config/referring_options.h"
#include "pcnet/core/batch_share.h"
#include "pcnet/model/cross_attention.h"

namespace pcnet::model {

/// own [n, 1 + D, C], where row 0 of picture i belongs to sample i, -> [n, B + D, C]: for every own
/// picture row 0 of all B samples, then its own D further rows.
at::Tensor with_whole_batch(const at::Tensor& own, const core::BatchShare& share = {});

/// own [n, 1 + D, C] -> [(1 + D) B, C]: row 0 of all B samples, then row 1 of all of them, and on.
at::Tensor all_texts(const at::Tensor& own, const core::BatchShare& share = {});

/// What a stage gives to the next one, and how its texts fit the cells.
struct StageOutput {
  at::Tensor visual;      ///< V_{n+1} [B, C, h, w]
  at::Tensor texts;       ///< Q_{n+1} [B, L, C]
  at::Tensor similarity;  ///< [B, X, h, w]: cosine (or inner product) of cells and texts, before
                          ///< ReLU and not multiplied by the logit scale
};

/// What texts see of the pictures a stage looks at: the first is what cues look at, the last what
/// the response's texts do, the same where the projections are shared. None where no text looks.
using VisualMemories = std::vector<VisualMemory>;

/// One stage of Sec. 3.2: the referring modulation block (Eq. 2-3) makes each text's cue look at
/// the picture and the text at the cues; the response map generation (Eq. 4) lets the cells look at
/// the updated texts and compares the two.
///
/// Texts and cues lie by picture: row l of picture b is one of its L texts, with its own cue q. It
/// looks at its context q': its own cue and, in training with `batch` or `shared`, those of the
/// other pictures' samples, with `partner_context` of all partners too. q^ is a cue after Eq. 2, s
/// the residual scale, c the cue scale:
///
///     add          Q + c q                        tta      Q + s TTA(Q, q')
///     vta_add      Q + c q^                       vta_tta  Q + s TTA(Q, q^')   (Eq. 3)
///     vta_tta_add  Q + s TTA(Q, q^') + c q^
///
/// Memory: no feature map belongs to a text. No tensor is larger than max(B C P, B X (C + P))
/// numbers for X texts a picture, B + D in training (B (1 + D) with `partner_context`) and L at
/// inference, and without gradients not
/// more than six times B C P + B X (C + P) numbers are held at once beside the inputs.
class ConditionalReferringModuleImpl : public torch::nn::Module {
 public:
  ConditionalReferringModuleImpl(std::int64_t width, const config::ReferringOptions& options);

  /// Training: visual [B, C, h, w]; texts and cues [B, L, C] with L = 1 + D, the sample's first,
  /// then its partners, or, when the context is `pair`, L = B + D as from with_whole_batch(). On
  /// every picture all B samples' texts are compared with the cells, then its own D: X = B + D.
  /// Where several processes share the batch, pictures, texts and cues are the own ones, and the
  /// updated texts of the others are fetched.
  StageOutput forward(const at::Tensor& visual, const at::Tensor& texts, const at::Tensor& cues,
                      const core::BatchShare& share = {});

  /// Inference: texts and cues [B, L, C], each with its own cue on its own picture and as if it
  /// were alone; X = L. `memories` is look_at(visual).
  StageOutput respond(const at::Tensor& visual, const at::Tensor& texts, const at::Tensor& cues,
                      const VisualMemories& memories);
  StageOutput respond(const at::Tensor& visual, const at::Tensor& texts, const at::Tensor& cues) {
    return respond(visual, texts, cues, look_at(visual));
  }
  /// What texts will see of V_n [B, C, h, w], which depends on no text.
  VisualMemories look_at(const at::Tensor& visual) {
    return memories_of(at_entry(visual, /*dim=*/1));
  }
  /// Inference: V_{n+1}, which depends on no text either (CrossAttention::only_text_to_vision).
  at::Tensor next_visual(const at::Tensor& visual);

  const config::ReferringOptions options;

 private:
  /// The terms of a modulation strategy (Table 4).
  struct Strategy {
    bool vision_to_text;  ///< cues look at the picture
    bool text_to_text;    ///< what texts see in the cues is added to them
    bool cue;             ///< the cue itself is added
  };
  /// A text's own cue [B, L, C], undefined where it is not asked for, and all that it looks at
  /// [B, X, C], undefined: its own alone.
  struct Cues {
    at::Tensor own;
    at::Tensor context;  // [X, C] when its keys are reshaped
  };
  static Strategy strategy_of(config::Modulation modulation);

  bool looks_at_batch() const;
  bool looks_at_partners() const;
  void make_attentions(std::int64_t width);
  /// The referring modulation block: Q_{n+1}.
  /// @param share of the batch that texts look at; null: none, each its own cue
  at::Tensor modulated(const at::Tensor& texts, const at::Tensor& cues,
                       const VisualMemories& memories, const core::BatchShare* share);
  /// @param cells V_n as it entered
  VisualMemories memories_of(const at::Tensor& cells);
  Cues attended(const at::Tensor& cues, const VisualMemories& memories,
                const core::BatchShare* share);
  /// What texts [B, L, C] see in the cues of the batch.
  at::Tensor seen_in_batch(const at::Tensor& texts, const at::Tensor& context,
                           const core::BatchShare& share);
  at::Tensor updated(const at::Tensor& visual, const at::Tensor& update) const;
  at::Tensor compared(const at::Tensor& visual, const at::Tensor& texts,
                      const VisualMemories& memories);
  at::Tensor residual(const at::Tensor& attended) const;
  at::Tensor at_entry(const at::Tensor& x, std::int64_t dim) const;

  Strategy strategy_;
  // One block under four names when the projections are shared.
  CrossAttention vision_to_text_ = nullptr, text_to_text_ = nullptr;
  CrossAttention text_to_vision_ = nullptr, response_text_ = nullptr;
  at::Tensor residual_scale_;  // undefined: fixed
  at::Tensor visual_gate_;     // undefined: not gated
};
TORCH_MODULE(ConditionalReferringModule);

}  // namespace pcnet::model
