#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <torch/torch.h>

#include "pcnet/sam/image_encoder.h"
#include "pcnet/sam/mask_decoder.h"
#include "pcnet/sam/prompt_encoder.h"
#include "pcnet/sam/sam_options.h"

namespace pcnet::sam {

/// Segment Anything: image encoder, prompt encoder and mask decoder under the official names.
class SamImpl : public torch::nn::Module {
 public:
  explicit SamImpl(const SamOptions& options);

  const SamOptions options;
  std::shared_ptr<ImageEncoder> image_encoder;
  PromptEncoder prompt_encoder = nullptr;
  MaskDecoder mask_decoder = nullptr;
};
TORCH_MODULE(Sam);

/// Which SAM a file's tensors make. Error that names the tensor which is missing or of no shape of
/// a SAM; `source` names the file.
SamOptions options_of(const std::map<std::string, at::Tensor>& tensors, const std::string& source);

/// Every tensor of such a SAM under its name, with its shape and without memory (meta tensors).
std::map<std::string, at::Tensor> expected_tensors(const SamOptions& options);

/// The published files that are read, for people.
inline constexpr const char* kKnownFiles =
    "sam_vit_b, sam_vit_l or sam_vit_h of segment-anything, or mobile_sam.pt";

/// Opens a weight file of any format and builds the SAM that it holds, in evaluation mode. Error
/// for a file of another family, by its name, and for one that does not fit, which lists what is
/// missing, unexpected and mismatched.
Sam load_sam(const std::filesystem::path& path, c10::Device device = c10::kCPU);

}  // namespace pcnet::sam
