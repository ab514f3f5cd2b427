#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/core/random.h"
#include "pcnet/data/sources/picture_store.h"
#include "pcnet/model/referring_model.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::engine {

/// One picture with all texts asked about it.
struct Query {
  at::Tensor picture;       ///< [3, S, S] uint8
  std::int64_t height = 0;  ///< of the original picture
  std::int64_t width = 0;
  std::vector<std::string> texts;
  std::vector<std::int64_t> sent_ids;  ///< names a text for the random baseline
  /// Cues of each text, repeated when a model reads more; empty: each text is its own cue.
  std::vector<std::vector<std::string>> cues = {};
  std::int64_t image_id = -1;  ///< in the dataset; -1: it is of none
};

/// Answers texts with response maps at the original size of their picture.
class Responder {
 public:
  virtual ~Responder() = default;
  /// For each query [N, M, H, W] float32 on the CPU: N stages, M texts; the positive part of the
  /// cosine, not yet divided by its maximum. The last stage is the answer.
  virtual std::vector<at::Tensor> respond(std::span<const Query> queries) = 0;
  /// The tokens that it reads of a text; none of one that reads no texts.
  virtual text::Tokens tokens_of(const std::string& /*text*/) const { return {}; }
  /// How many cues of each text it reads.
  virtual std::int64_t cues_read() const { return 0; }
};

/// The model: each picture is encoded once for all its texts.
class ModelResponder : public Responder {
 public:
  struct Options {
    c10::Device device;
    std::int64_t text_length;
    text::Truncate truncate;
    bool align_corners;
    bool released_resize = false;  ///< model::resize_as_released()
  };
  ModelResponder(std::shared_ptr<model::ReferringModel> model, const text::Tokenizer& tokenizer,
                 const Options& options);
  std::vector<at::Tensor> respond(std::span<const Query> queries) override;
  text::Tokens tokens_of(const std::string& text) const override {
    return tokenizer_.encode(text, options_.text_length, options_.truncate);
  }
  std::int64_t cues_read() const override { return model_->cues_read(); }

 private:
  class Texts;
  model::Expressions expressions_of(std::span<const Query> queries);
  at::Tensor resized(const at::Tensor& logits, const Query& query) const;

  std::shared_ptr<model::ReferringModel> model_;
  const text::Tokenizer& tokenizer_;
  Options options_;
};

/// The baseline that always points at the centre pixel.
class CentreResponder : public Responder {
 public:
  std::vector<at::Tensor> respond(std::span<const Query> queries) override;
};

/// The baseline that points at a random pixel, the same one for a seed and sentence.
class RandomResponder : public Responder {
 public:
  explicit RandomResponder(std::uint64_t seed) : seed_(seed) {}
  std::vector<at::Tensor> respond(std::span<const Query> queries) override;

 private:
  std::uint64_t seed_;
};

}  // namespace pcnet::engine
