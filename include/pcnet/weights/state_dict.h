#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/weights/weight_file.h"

namespace torch::nn {
class Module;
}

namespace pcnet::weights {

/// Before the names of CLIP's tensors in a referring model's.
inline constexpr std::string_view kBackbone = "backbone.";

/// Whose names a file's tensors bear (docs/method.md#names-of-released-checkpoints,
/// docs/formats.md#weight-files).
enum class Layout {
  kPcnet,          ///< a run of this program
  kOfficialPcnet,  ///< `c4_vis_project`, `attn_fusion_vl.*`
  kOfficialTris,   ///< `vis_project`, `attn_fusion.*`
  kOpenaiClip,     ///< CLIP with a ResNet: `visual.layer1.*`, `transformer.resblocks.*`
  kClipVit,        ///< CLIP with a vision transformer
  kHuggingFaceClip,
  kTorchvisionResnet,
  kSam,             ///< segment-anything's ViT-B, L and H, and MobileSAM
  kHuggingFaceSam,  ///< the same networks under other names
  kSam2,
  kSamHq,
  kEfficientSam,
  kYolo,  ///< FastSAM is one
  kFreesolo,
  kUnknown,
};

/// The layout's name on the command line ("openai-clip"), or in words where it has none.
std::string to_string(Layout layout);

/// Where a file of this layout was taken for a CLIP with a ResNet: what it looks like and what to
/// use instead, in one line. Empty for the layouts that hold one.
std::string advice(Layout layout);

/// The tensors of one model under their reference names, without what was wrapped round them. In an
/// unknown layout they are all tensors of the file, under the names they have there.
struct StateDict {
  Layout layout = Layout::kUnknown;
  std::string prefix;                         ///< taken off every name, e.g. "model.module."
  std::map<std::string, at::Tensor> tensors;  ///< views of the file, in the file's types
  /// What is not the model's, a group each: "optimizer (12 tensors)", "epoch".
  std::vector<std::string> left_out;
};

/// Finds the model in a file by its names. What no network reads is left out: settings among
/// OpenAI's weights, the classifier of MobileSAM's encoder, FreeSOLO's counter and embedding
/// branch.
StateDict find_state_dict(const WeightFile& file);

/// The model of a file that is to hold one of that layout. Error that says what the file holds
/// instead, and which files would do.
StateDict require_layout(const WeightFile& file, Layout wanted, const std::string& files);

/// Every parameter and buffer of a module by name (views, not copies).
std::map<std::string, at::Tensor> tensors_of(const torch::nn::Module& module);

/// How tensors fit what a model wants.
struct Fit {
  struct Mismatch {
    std::string name;
    std::vector<std::int64_t> got;
    std::vector<std::int64_t> wanted;
  };
  std::vector<std::string> fitting;
  std::vector<std::string> missing;     ///< wanted, not there
  std::vector<std::string> unexpected;  ///< there, not wanted
  std::vector<Mismatch> mismatched;     ///< there with another shape

  bool fits() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};

/// Compares names and shapes, not types. A batch norm's `num_batches_tracked`, which nothing reads
/// and some files lack, is not missed.
Fit compare(const std::map<std::string, at::Tensor>& wanted,
            const std::map<std::string, at::Tensor>& given);

/// The faults in one line, the first few of them by name: "missing a; unexpected b; c is [9],
/// wanted [2]; and 4 more". Empty when all fits.
std::string to_line(const Fit& fit, std::size_t most_faults = 5);

/// Copies `given` over the tensors of the same names, converting the type. Error "<source> does not
/// fit <model>: ..." with the faults of to_line, nothing copied then; their table goes to the log
/// (-v).
void load_tensors(const std::map<std::string, at::Tensor>& into,
                  const std::map<std::string, at::Tensor>& given, const std::string& source,
                  const std::string& model, std::size_t most_faults = 5);

/// Every fault, a line each, sorted by name: what, shape got, shape wanted. Empty when all fits.
/// @param most_rows after these a last line counts the rest; 0: all
std::string to_table(const Fit& fit, std::size_t most_rows = 0);

}  // namespace pcnet::weights
