#pragma once

#include <torch/torch.h>

#include "pcnet/config/loss_options.h"
#include "pcnet/data/batch.h"
#include "pcnet/losses/terms.h"
#include "pcnet/model/tris.h"

namespace pcnet::engine {

/// What a step minimises: a batch on the model's device goes in, the named terms come out.
class Learner {
 public:
  virtual ~Learner() = default;
  virtual losses::Terms losses(const data::Batch& batch) = 0;
};

/// Image-text pre-training: each distinct text is encoded once and scored on every picture.
class ContrastiveLearner : public Learner {
 public:
  ContrastiveLearner(model::Tris model, const config::LossOptions& options)
      : model_(std::move(model)), options_(options) {}
  losses::Terms losses(const data::Batch& batch) override;

 private:
  model::Tris model_;
  config::LossOptions options_;
};

/// The method: picture i and its one text, every text scored on every picture.
class ReferringLearner : public Learner {
 public:
  ReferringLearner(model::Tris model, const config::LossOptions& options)
      : model_(std::move(model)), options_(options) {}
  losses::Terms losses(const data::Batch& batch) override;

 private:
  model::Tris model_;
  config::LossOptions options_;
};

}  // namespace pcnet::engine
