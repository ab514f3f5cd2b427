#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/config/eval_choices.h"
#include "pcnet/core/autocast.h"
#include "pcnet/core/communicator.h"
#include "pcnet/core/random.h"
#include "pcnet/core/recently_used.h"
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
  /// Told of texts, cues among them, that respond() will be asked about: what can be done for all
  /// of them at once is done now, in place of what was done for those before. All processes of the
  /// team are told of the same.
  virtual void prepare(std::span<const std::string> /*texts*/, core::Communicator& /*team*/) {}
  /// How many threads may ask respond() at once, each about a part of the pictures, after
  /// prepare(); 1: one, which may use all the cores.
  virtual int askers() const { return 1; }
  /// The tokens that it reads of a text; none of one that reads no texts.
  virtual text::Tokens tokens_of(const std::string& /*text*/) const { return {}; }
  /// How many cues of each text it reads.
  virtual std::int64_t cues_read() const { return 0; }
};

/// The model: each picture is encoded once for all its texts, and each text that it was prepared
/// for once for all pictures. With another precision than fp32 it logs by how much its first maps
/// differ from fp32's.
class ModelResponder : public Responder {
 public:
  struct Options {
    c10::Device device;
    std::int64_t text_length;
    text::Truncate truncate;
    config::EvalPrecision precision = config::EvalPrecision::kFp32;
    bool align_corners;
    bool released_resize = false;  ///< model::resize_as_released()
  };
  ModelResponder(std::shared_ptr<model::ReferringModel> model, const text::Tokenizer& tokenizer,
                 const Options& options);
  std::vector<at::Tensor> respond(std::span<const Query> queries) override;
  /// Encodes each distinct text once, beside those that are most like it. UsageError for a text
  /// without a word that the model knows.
  void prepare(std::span<const std::string> texts, core::Communicator& team) override;
  /// On a processor as many as there are cores, since images that are computed side by side do not
  /// wait for each other; on a GPU two, so that it computes while pictures are read and scored.
  int askers() const override;
  text::Tokens tokens_of(const std::string& text) const override {
    return tokenizer_.encode(text, options_.text_length, options_.truncate);
  }
  std::int64_t cues_read() const override { return model_->cues_read(); }
  /// From now on what texts became that it was asked about is kept, up to so many bytes, and taken
  /// where they come again: for a model whose weights do not change.
  void keep_texts(std::int64_t most_bytes);

  // respond() in its three steps, for who keeps the result of one:
  /// All that pictures [3, S, S] uint8 make without a text: [B, ..] each.
  model::Seen look(std::span<const at::Tensor> pictures) const;
  /// Cosines [N, M, h, w] of each query, whose picture is that row of `seen`.
  std::vector<at::Tensor> cosines(const model::Seen& seen, std::span<const Query> queries) const;
  /// Cosines [N, M, h, w] on a picture of size S -> [N, M, H, W] as respond()'s. For several
  /// threads.
  at::Tensor maps(const at::Tensor& cosines, std::int64_t size, std::int64_t height,
                  std::int64_t width) const;

 private:
  /// Texts by number, each distinct one once.
  struct TextRows {
    std::vector<std::string> texts;
    std::unordered_map<std::string, std::int64_t> row_of;
    std::int64_t add(const std::string& text);
  };
  /// What texts became that it was asked about lately, a row [C] each, for several threads.
  struct KeptTexts {
    explicit KeptTexts(std::int64_t most_bytes) : rows(most_bytes) {}
    std::mutex mutex;
    core::RecentlyUsed<at::Tensor> rows;
  };
  at::Tensor encode_texts(const std::vector<std::string>& texts) const;
  at::Tensor kept_or_encoded(const std::vector<std::string>& texts) const;
  model::Seen seen_of(std::span<const at::Tensor> pictures) const;
  std::vector<at::Tensor> cosines_of(const model::Seen& seen, std::span<const Query> queries,
                                     bool prepared) const;
  /// @param prepared whether features may be taken that prepare() left, or that are kept
  model::Expressions expressions_of(std::span<const Query> queries, bool prepared) const;
  std::vector<at::Tensor> answers(std::span<const Query> queries, bool prepared) const;
  /// Of the calling thread.
  core::AutocastScope arithmetic() const;
  void report_difference(std::span<const Query> queries,
                         const std::vector<at::Tensor>& answers) const;
  void set_evaluating() const;

  std::shared_ptr<model::ReferringModel> model_;
  const text::Tokenizer& tokenizer_;
  Options options_;
  TextRows prepared_;
  at::Tensor features_;              // [U, C] of these
  std::unique_ptr<KeptTexts> kept_;  // null: none are kept
  std::unique_ptr<std::once_flag> reported_ = std::make_unique<std::once_flag>();
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
