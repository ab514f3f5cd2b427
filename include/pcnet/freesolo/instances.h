#pragma once

#include <ATen/core/Tensor.h>

#include "pcnet/freesolo/freesolo.h"

namespace pcnet::freesolo {

/// probabilities [B, classes, S, S] -> the same with 0 in each cell that is not the largest of
/// itself and its neighbours above, to the left, and between them.
at::Tensor keep_peaks(const at::Tensor& probabilities);

/// Matrix NMS: what is left of the scores once every mask is lowered by the better ones of its
/// class that it overlaps (docs/freesolo.md#from-cells-to-proposals).
/// @param masks [n, P] of 0 and 1, none empty, the best first; classes, scores [n]
/// @return [n], in the same order
at::Tensor matrix_nms(const at::Tensor& masks, const at::Tensor& classes, const at::Tensor& scores,
                      double sigma);

struct Instances {
  at::Tensor scores;      ///< [n], the best first
  at::Tensor soft_masks;  ///< [n, h, w], at the size of the mask features
};

/// The instances that the output for one image holds. Error for a batch of several.
Instances select_instances(const FreesoloImpl::Output& output, const SelectionOptions& options);

/// Brings soft masks to the picture's size, through the size that the network saw it in, and cuts
/// them at `threshold`; empty ones are dropped.
std::vector<Proposal> to_proposals(const Instances& instances, const image::PictureSize& seen,
                                   const image::PictureSize& picture, double threshold);

}  // namespace pcnet::freesolo
