#pragma once

#include <array>
#include <string_view>

#include "pcnet/config/choice.h"

/// The choices of the model; what each means stands at its key.
namespace pcnet::config {

enum class Profile { kPaper, kReleased, kTris, kImproved };
constexpr std::array<std::string_view, 4> words(Profile) {
  return {"paper", "released", "tris", "improved"};
}

enum class Fusion { kCrm, kAttnFusion, kNone };
constexpr std::array<std::string_view, 3> words(Fusion) { return {"crm", "attn_fusion", "none"}; }

enum class CueContext { kBatch, kShared, kOwn, kPair };
constexpr std::array<std::string_view, 4> words(CueContext) {
  return {"batch", "shared", "own", "pair"};
}

enum class ContextKeys { kTransposed, kReshaped };
constexpr std::array<std::string_view, 2> words(ContextKeys) { return {"transposed", "reshaped"}; }

enum class Modulation { kAdd, kTta, kVtaAdd, kVtaTta, kVtaTtaAdd };
constexpr std::array<std::string_view, 5> words(Modulation) {
  return {"add", "tta", "vta_add", "vta_tta", "vta_tta_add"};
}

enum class StageCue { kCueK, kSentenceLast, kProgressive };
constexpr std::array<std::string_view, 3> words(StageCue) {
  return {"cue_k", "sentence_last", "progressive"};
}

enum class Projections { kPerAttention, kShared };
constexpr std::array<std::string_view, 2> words(Projections) { return {"per_attention", "shared"}; }

enum class VisualUpdate { kOn, kOff, kGated };
constexpr std::array<std::string_view, 3> words(VisualUpdate) { return {"on", "off", "gated"}; }

enum class ResponseText { kUpdated, kVisionUpdated };
constexpr std::array<std::string_view, 2> words(ResponseText) {
  return {"updated", "vision_updated"};
}

enum class Similarity { kCosine, kInnerProduct };
constexpr std::array<std::string_view, 2> words(Similarity) { return {"cosine", "inner_product"}; }

enum class TokenizerKind { kBpe, kWords };
constexpr std::array<std::string_view, 2> words(TokenizerKind) { return {"bpe", "words"}; }

enum class ClipArchitecture { kRn50, kRn101, kRn50x4, kRn50x16, kRn50x64, kCustom };
constexpr std::array<std::string_view, 6> words(ClipArchitecture) {
  return {"RN50", "RN101", "RN50x4", "RN50x16", "RN50x64", "custom"};
}

}  // namespace pcnet::config
