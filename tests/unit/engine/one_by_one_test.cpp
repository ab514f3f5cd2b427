#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <ATen/record_function.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/config/profiles.h"
#include "pcnet/core/log.h"
#include "pcnet/data/sources/dataset.h"
#include "pcnet/engine/evaluator.h"
#include "pcnet/engine/responder.h"
#include "pcnet/engine/segmentor.h"
#include "pcnet/model/baseline.h"
#include "pcnet/model/pcnet.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/lively.h"
#include "support/observation.h"
#include "support/temporary_folder.h"
#include "support/tiny.h"

/// Sentences answered together are answered as if each were alone, whatever the profile.
namespace pcnet::engine {
namespace {

/// Counts the pictures that this thread sends through the first convolution while it lives: no
/// other one reads three channels.
class PictureCount {
 public:
  PictureCount() {
    pictures = 0;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(count).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  ~PictureCount() { at::removeCallback(handle_); }
  PictureCount(const PictureCount&) = delete;
  PictureCount& operator=(const PictureCount&) = delete;

  static inline std::int64_t pictures = 0;

 private:
  static std::unique_ptr<at::ObserverContext> count(const at::RecordFunction& call) {
    const std::string name = call.name();  // the second: with folded norms
    if (name == "aten::conv2d" || name == "mkldnn::_convolution_pointwise") {
      const at::Tensor input = call.inputs()[0].toTensor();
      if (input.dim() == 4 && input.size(1) == 3) pictures += input.size(0);
    }
    return nullptr;
  }
  at::CallbackHandle handle_;
};

struct Asked {
  std::string name;
  config::Profile profile;
  bool fuses = true;  ///< false: without conditional referring modules
};

class OneByOne : public testing::TestWithParam<Asked> {
 protected:
  OneByOne() {
    const auto& [name, profile, fuses] = GetParam();
    const config::Config values = config::profile_values(profile);
    config::ModelOptions options = support::tiny_model(profile);
    if (!fuses) options.fusion = "none";
    torch::manual_seed(3);
    const std::int64_t words = tokenizer_.vocabulary_size();
    if (options.fusion == "crm") {
      model_ = std::make_shared<model::PCNetImpl>(options, words);
    } else {
      model_ = std::make_shared<model::BaselineImpl>(options, words);
    }
    support::make_lively(*model_, 4);
    options_.align_corners = values.eval.align_corners;
    options_.released_resize = values.eval.map_resize == "released";
    options_.truncate =
        values.data.truncate == "cut" ? text::Truncate::kCut : text::Truncate::kKeepEnd;
  }

  /// Three pictures with three, one and two sentences; one sentence stands on two of them.
  static std::vector<Query> queries() {
    torch::manual_seed(5);
    const auto picture = [] { return torch::randint(0, 256, {3, 64, 64}, torch::kByte); };
    return {{picture(),
             50,
             40,
             {"red cup", "left", "blue cup left"},
             {0, 1, 2},
             {{"red", "cup", "left cup"}, {"left"}, {"blue", "red cup", "cup"}}},
            {picture(), 33, 61, {"red cup"}, {3}, {{"blue", "left", "cup"}}},
            {picture(), 64, 64, {"cup", "blue"}, {4, 5}, {{"left blue", "red"}, {"cup", "blue"}}}};
  }
  ModelResponder responder() { return {model_, tokenizer_, options_}; }

  // The words of the observed dataset, too.
  text::WordTokenizer tokenizer_ =
      text::WordTokenizer::from_texts({"big blue cup left of on plate red right small the"});
  std::shared_ptr<model::ReferringModel> model_;
  ModelResponder::Options options_{.device = torch::kCPU,
                                   .text_length = 5,
                                   .truncate = text::Truncate::kKeepEnd,
                                   .align_corners = true};
};

TEST_P(OneByOne, IsTheAnswerOfSeveralTextsOfSeveralPictures) {
  ModelResponder responder = this->responder();
  const std::vector<Query> all = queries();
  const auto together = responder.respond(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t m = 0; m < all[i].texts.size(); ++m) {
      const std::vector<Query> single = {{all[i].picture,
                                          all[i].height,
                                          all[i].width,
                                          {all[i].texts[m]},
                                          {all[i].sent_ids[m]},
                                          {all[i].cues[m]}}};
      const at::Tensor alone = responder.respond(single)[0];
      const at::Tensor own =
          together[i].slice(1, static_cast<std::int64_t>(m), static_cast<std::int64_t>(m) + 1);
      ASSERT_EQ(own.sizes(), alone.sizes());
      // Maps of inner products have any size; the figures come from maps over their maximum.
      const double size = std::max(1.0, alone.max().item<double>());
      EXPECT_LT((own - alone).abs().max().item<double>() / size, 1e-5) << all[i].texts[m];
    }
  }
}

TEST_P(OneByOne, HoldsForTextsThatDiffer) {
  // Or the test above would say nothing.
  ModelResponder responder = this->responder();
  const auto together = responder.respond(queries());
  const at::Tensor stage = together[0][together[0].size(0) - 1];
  EXPECT_GT(stage.max().item<double>(), 0.01);
  EXPECT_FALSE(at::allclose(stage[0], stage[1], 1e-2, 1e-3));
}

TEST_P(OneByOne, EncodesEachPictureOnceForAllItsTexts) {
  ModelResponder responder = this->responder();
  const std::vector<Query> all = queries();
  const PictureCount count;
  responder.respond(all);
  EXPECT_EQ(PictureCount::pictures, 3);
}

TEST_P(OneByOne, ScoresASplitAlikeInAnyBatch) {
  core::log::set_level(core::log::Level::kQuiet);
  const support::TemporaryFolder folder;
  support::write_observed_dataset(folder.path());
  data::Dataset dataset(support::observed_config(folder.path(), {}).data);
  options_.text_length = 9;
  ModelResponder responder = this->responder();
  const auto scored = [&](std::int64_t pictures) {
    const config::EvalOptions options{.batch_size = pictures, .threshold = 0.5};
    const auto segmentor = make_segmentor(options, torch::kCPU);
    return evaluate(dataset, "train", responder, *segmentor, options);
  };
  const SplitResult one = scored(1);
  const PictureCount count;
  const SplitResult all = scored(8);
  EXPECT_EQ(PictureCount::pictures, 3);
  core::log::set_level(core::log::Level::kInfo);
  ASSERT_EQ(one.sentences.size(), all.sentences.size());
  for (std::size_t i = 0; i < one.sentences.size(); ++i) {
    ASSERT_EQ(one.sentences[i].stages.size(), all.sentences[i].stages.size());
    for (std::size_t n = 0; n < one.sentences[i].stages.size(); ++n) {
      const auto& left = one.sentences[i].stages[n];
      const auto& right = all.sentences[i].stages[n];
      EXPECT_NEAR(left.peak.score, right.peak.score, 1e-5 * std::max(1.0, left.peak.score));
      EXPECT_EQ(left.score.hit, right.score.hit);
      EXPECT_NEAR(metrics::iou(left.score), metrics::iou(right.score), 0.01);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Profile, OneByOne,
                         testing::Values(Asked{"paper", config::Profile::kPaper},
                                         Asked{"released", config::Profile::kReleased},
                                         Asked{"improved", config::Profile::kImproved},
                                         Asked{"tris", config::Profile::kTris},
                                         Asked{"cls", config::Profile::kPaper, false}),
                         [](const auto& asked) { return asked.param.name; });

}  // namespace
}  // namespace pcnet::engine
