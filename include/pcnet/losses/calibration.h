#pragma once

#include <ATen/core/Tensor.h>

#include "pcnet/config/calibration_options.h"

namespace pcnet::losses {

/// What the frozen CLIP says of the masked pictures, as cosines; where several stages count, of the
/// pictures of one after those of the other. K counts the negative texts of a picture.
struct CalibrationScores {
  at::Tensor own;                ///< [B], with the own texts: carries the gradient
  at::Tensor negative = {};      ///< [B, K], with texts that do not describe the target
  at::Tensor has_negative = {};  ///< [B, K] bool; undefined: all count
};

/// How much of each cell of a picture the frozen CLIP sees, in [0, 1], by option `mask`. Logits
/// [B, h, w], scale times cosine -> a `response` [B, h, w]; or the `sigmoid` [B, H, W] of the
/// logits resized bilinearly (align_corners = false) to `size`, the picture's. The gradient goes
/// through the maximum of a `response`: the value depends on the shape of the map alone, and so
/// must its gradient. Were the maximum held fixed, the map would drift as a whole, to nothing or
/// without end.
at::Tensor calibration_mask(const at::Tensor& logits, at::IntArrayRef size,
                            const config::CalibrationOptions& options);

/// The pictures seen through maps, which are resized bilinearly (align_corners = true) and
/// multiplied with them. As in TRIS the pictures are normalised before: what is hidden has the mean
/// colour. pictures [B, 3, H, W], maps [B, h, w] in [0, 1] -> [B, 3, H, W]
at::Tensor masked_pictures(const at::Tensor& pictures, const at::Tensor& maps);

/// TRIS's calibration (Table 11): with c the cosine of masked picture and text, `own` times the
/// mean over the pictures of -log c of the own text, plus `negatives` times the mean over the
/// negative texts of -log(1 - c). Cosines are held above 1e-4, and below 1 - 1e-4 for negatives. ->
/// scalar. Error when the shapes do not fit.
at::Tensor calibration_loss(const CalibrationScores& scores,
                            const config::CalibrationOptions& options);

}  // namespace pcnet::losses
