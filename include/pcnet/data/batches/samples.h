#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "pcnet/config/data_choices.h"
#include "pcnet/config/train_options.h"
#include "pcnet/core/random.h"
#include "pcnet/data/batches/batch.h"
#include "pcnet/data/batches/text_bank.h"
#include "pcnet/data/proposals/grid_store.h"
#include "pcnet/data/sources/dataset.h"

namespace pcnet::data {

/// Seconds spent on batches, by part.
struct BatchTimes {
  PictureTimes pictures;
  double texts = 0;    ///< drawing sentences, cues and partners, and gathering their tokens
  double collate = 0;  ///< proposals, and copying the pictures into one tensor
};

/// What an epoch goes over: samples that become batches. A batch depends on nothing but its
/// samples, the seed and the epoch. Batches may be made in several threads at once.
class Samples {
 public:
  /// How a batch is made; the first two change nothing in it.
  struct Making {
    bool pinned = false;          ///< pictures in page-locked memory, for a quick copy to a GPU
    BatchTimes* times = nullptr;  ///< grows by what was spent
    int rank = 0;                 ///< of so many processes: only its even share of the pictures is
    int processes = 1;            ///< read, and agreed() is to follow
  };

  virtual ~Samples() = default;
  virtual std::int64_t size() const = 0;
  /// The batch of these samples (positions in [0, size)). Error when no picture of it can be read.
  Batch batch(std::span<const std::size_t> samples, std::uint64_t seed, std::uint64_t epoch);
  Batch batch(std::span<const std::size_t> samples, std::uint64_t seed, std::uint64_t epoch,
              const Making& making);

  /// For each sample the number of its group: two of one group are no good negatives of each other
  /// by `negatives` (config data.negatives). Empty: all samples go together.
  virtual std::vector<std::int64_t> clash_groups(config::Negatives negatives) const;

 protected:
  /// Cues a text and partners a sample: the batch's K and D.
  struct Counts {
    std::int64_t cues = 0;
    std::int64_t partners = 0;
  };
  Samples(Dataset& dataset, const text::Tokenizer& tokenizer, const Counts& counts);
  Samples(Dataset& dataset, const text::Tokenizer& tokenizer) : Samples(dataset, tokenizer, {}) {}

  /// Picture and texts (rows of the bank) of one sample.
  struct Draw {
    std::int64_t image_id = 0;
    std::vector<std::int64_t> texts = {};             // M
    std::int64_t ref_id = -1;                         // -1: the picture, not one object
    std::vector<std::int64_t> sent_ids = {};          // M, or none: all -1
    std::vector<std::int64_t> mirrored = {};          // M, or none: all -1
    std::vector<std::int64_t> cues = {};              // M x K
    std::vector<std::int64_t> partners = {};          // as many as there are, at most D
    std::vector<std::int64_t> partner_cues = {};      // K of each of them
    const std::vector<float>* clip_scores = nullptr;  // of the picture's proposals, as stored
  };
  virtual Draw draw(std::size_t sample, core::Rng& rng) const = 0;
  /// Warns about words outside of the vocabulary and texts that the context is too short for.
  void report_omissions() const;

  Dataset& dataset_;
  TextBank bank_;
  Counts counts_;
  std::unique_ptr<GridStore> grids_;         // null: batches have no proposals
  const ClipScores* clip_scores_ = nullptr;  // null: batches have no scores of them

 private:
  class Collector;
};

/// A sample is one referred object with one of its sentences (docs/method.md#training), the
/// sentence's cues and sentences of other objects of its picture, if asked for: one text a picture.
class ReferringSamples : public Samples {
 public:
  struct Options {
    std::int64_t cues = 0;      ///< K: the first K of a sentence, repeated when there are fewer
    std::int64_t partners = 0;  ///< D: each other object once before any twice, no sentence twice
    GridStore::Options grid = {};  ///< of the proposals; height 0: batches have none
    bool clip_scores = false;      ///< whether batches have data.clip_scores of the proposals
  };

  /// When cues are asked for: Error or warning (data.missing_cues) with the number of sentences
  /// without any. When proposals are: a warning with the number of pictures without any. When
  /// CLIP's scores are: Error with the number of sentences without any.
  ReferringSamples(Dataset& dataset, const text::Tokenizer& tokenizer, const Options& options);
  ReferringSamples(Dataset& dataset, const text::Tokenizer& tokenizer)
      : ReferringSamples(dataset, tokenizer, {}) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(objects_.size()); }
  /// `distinct_images`: by picture; `distinct_objects`: by annotated object.
  std::vector<std::int64_t> clash_groups(config::Negatives negatives) const override;

 private:
  struct Expression {
    std::int64_t row = 0;
    std::int64_t sent_id = 0;
    std::vector<std::int64_t> cues;  // K rows
    const std::vector<float>* clip_scores = nullptr;
  };
  struct Object {
    std::int64_t image_id = 0;
    std::int64_t ann_id = 0;
    std::int64_t ref_id = 0;
    std::vector<Expression> sentences;
  };
  Draw draw(std::size_t sample, core::Rng& rng) const override;
  Expression read_expression(const Sentence& sentence);
  /// Error when a picture has proposals and a sentence of it no scores.
  void require_clip_scores() const;
  void draw_partners(const Object& object, core::Rng& rng, Draw& drawn) const;

  std::vector<Object> objects_;
  std::unordered_map<std::int64_t, std::vector<std::size_t>> objects_of_;  // by image_id
};

/// A sample is one picture with some of its captions, expressions and cues
/// (docs/refsynth.md#training). Each kind is drawn without repetition while there are
/// enough.
class ContrastiveSamples : public Samples {
 public:
  /// @param mirrored also gives the captions turned round (text::turned) that none of the
  ///   picture's own says
  ContrastiveSamples(Dataset& dataset, const text::Tokenizer& tokenizer,
                     const config::ContrastiveBatchOptions& options, bool mirrored = false);
  std::int64_t size() const override { return static_cast<std::int64_t>(pictures_.size()); }

 private:
  struct Picture {
    std::int64_t image_id;
    std::vector<std::int64_t> captions;
    std::vector<std::int64_t> positional;  // those of them that text::turned() knows
    std::unordered_map<std::int64_t, std::int64_t> mirrored;  // of a caption's row, if any
    std::vector<std::int64_t> expressions;
    std::vector<std::int64_t> cues;
  };
  void read_captions(const std::vector<std::string>& captions, bool mirrored, Picture& picture);
  void draw_captions(const Picture& picture, core::Rng& rng, std::vector<std::int64_t>& into) const;
  Draw draw(std::size_t sample, core::Rng& rng) const override;
  config::ContrastiveBatchOptions options_;
  std::vector<Picture> pictures_;
};

}  // namespace pcnet::data
