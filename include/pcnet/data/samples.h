#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pcnet/config/train_options.h"
#include "pcnet/core/random.h"
#include "pcnet/data/batch.h"
#include "pcnet/data/dataset.h"
#include "pcnet/data/text_bank.h"

namespace pcnet::data {

/// What an epoch goes over: samples that become batches. A batch depends on nothing but its
/// samples, the seed and the epoch.
class Samples {
 public:
  virtual ~Samples() = default;
  virtual std::int64_t size() const = 0;
  /// The batch of these samples (positions in [0, size)). Error when no picture of it can be read.
  Batch batch(std::span<const std::size_t> samples, std::uint64_t seed, std::uint64_t epoch);

 protected:
  Samples(Dataset& dataset, const text::Tokenizer& tokenizer);
  /// Picture and texts (rows of the bank) of one sample.
  struct Draw {
    std::int64_t image_id;
    std::vector<std::int64_t> texts;
  };
  virtual Draw draw(std::size_t sample, core::Rng& rng) const = 0;

  Dataset& dataset_;
  TextBank bank_;
};

/// A sample is one referred object with one of its sentences (method.md 4): one text a picture.
class ReferringSamples : public Samples {
 public:
  ReferringSamples(Dataset& dataset, const text::Tokenizer& tokenizer);
  std::int64_t size() const override { return static_cast<std::int64_t>(objects_.size()); }

 private:
  struct Object {
    std::int64_t image_id;
    std::vector<std::int64_t> sentences;
  };
  Draw draw(std::size_t sample, core::Rng& rng) const override;
  std::vector<Object> objects_;
};

/// A sample is one picture with some of its captions, expressions and cues (refsynth.md, warm
/// start). Each kind is drawn without repetition while there are enough.
class ContrastiveSamples : public Samples {
 public:
  ContrastiveSamples(Dataset& dataset, const text::Tokenizer& tokenizer,
                     const config::ContrastiveBatchOptions& options);
  std::int64_t size() const override { return static_cast<std::int64_t>(pictures_.size()); }

 private:
  struct Picture {
    std::int64_t image_id;
    std::vector<std::int64_t> captions;
    std::vector<std::int64_t> expressions;
    std::vector<std::int64_t> cues;
  };
  Draw draw(std::size_t sample, core::Rng& rng) const override;
  config::ContrastiveBatchOptions options_;
  std::vector<Picture> pictures_;
};

}  // namespace pcnet::data
