#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/clip/clip.h"
#include "pcnet/config/eval_choices.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/rle.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::engine {

/// How well CLIP alone, which needs its attention pool, finds that a sentence fits each mask
/// proposal of a picture (docs/method.md#clip-alone).
class ProposalScorer {
 public:
  struct Options {
    config::EvalMethod method = config::EvalMethod::kClipCrop;  ///< or kClipGlobalLocal
    double global_weight = 0.95;  ///< of kClipGlobalLocal: weight of the place in the whole image
    std::int64_t text_length = 77;
    text::Truncate truncate = text::Truncate::kKeepEnd;
  };
  /// `tokenizer` must outlive it. Error for another method.
  ProposalScorer(clip::Clip clip, const text::Tokenizer& tokenizer, const Options& options);

  /// [sentences, P] float32 on the CPU; minus infinity for a proposal without a pixel. The picture
  /// is encoded once for all sentences, a text once and for all. UsageError for a sentence of
  /// which the vocabulary holds no word; Error for a proposal of another size.
  at::Tensor scores(const image::Picture& picture, const std::vector<image::Rle>& proposals,
                    const std::vector<std::string>& sentences);

  /// The tokens that it reads of a text.
  text::Tokens tokens_of(const std::string& text) const {
    return tokenizer_.encode(text, options_.text_length, options_.truncate);
  }

 private:
  at::Tensor features_of(const image::Picture& picture, const std::vector<image::Rle>& proposals);
  at::Tensor features_of(const std::vector<std::string>& sentences);
  std::string noun_phrase_of(const std::string& sentence) const;
  /// Unit vectors of the texts, [texts, C].
  at::Tensor encoded(const std::vector<std::string>& texts);

  clip::Clip clip_;
  const text::Tokenizer& tokenizer_;
  Options options_;
  std::unordered_map<std::string, at::Tensor> encoded_;  // by text, [C]
};

}  // namespace pcnet::engine
