#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "pcnet/config/calibration_options.h"

namespace pcnet::losses {

/// What the frozen CLIP says of the masked pictures; features need not have unit length. K counts
/// the negative texts of a picture.
struct CalibrationFeatures {
  at::Tensor image;              ///< [B, C], of the masked pictures: carries the gradient
  at::Tensor text;               ///< [B, C], of the own texts
  at::Tensor negative = {};      ///< [B, K, C], of texts that do not describe the target
  at::Tensor has_negative = {};  ///< [B, K] bool; undefined: all count
};

/// The pictures seen through their response maps: both resized bilinearly (align_corners = true) to
/// a square and multiplied. images [B, 3, S, S] as CLIP takes them, response [B, h, w] in [0, 1]
/// -> [B, 3, side, side]
at::Tensor masked_pictures(const at::Tensor& images, const at::Tensor& response, std::int64_t side);

/// TRIS's calibration (Table 11): with c the cosine of masked picture and text, the mean over the
/// pictures of -log c of the own text, plus `negatives` times the mean over the negative texts of
/// -log(1 - c). Cosines are held above 1e-4, and below 1 - 1e-4 for negatives. -> scalar
at::Tensor calibration_loss(const CalibrationFeatures& features,
                            const config::CalibrationOptions& options);

}  // namespace pcnet::losses
