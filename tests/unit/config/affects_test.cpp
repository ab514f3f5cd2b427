#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/config/config.h"

namespace pcnet::config {
namespace {

using ::testing::UnorderedElementsAre;

std::vector<std::string> keys_where(const std::function<bool(const KeyDoc&)>& holds) {
  std::vector<std::string> keys;
  for (const auto& doc : documentation()) {
    if (holds(doc)) keys.push_back(doc.key);
  }
  return keys;
}

std::vector<std::string> keys_that_affect(Affects affects) {
  return keys_where([&](const KeyDoc& doc) { return doc.affects == affects; });
}

// Written out by hand: whoever adds a key says what it touches, and whoever moves one sees it here.
TEST(Affects, NothingButWhatIsListedMayDifferBetweenTwoPartsOfARun) {
  EXPECT_THAT(keys_that_affect(Affects::kNothing),
              UnorderedElementsAre("run.folder", "run.device", "run.threads", "run.tensorboard",
                                   "data.cache", "data.prefetch", "data.workers", "train.log_every",
                                   "train.checkpoint_every", "eval.samples", "eval.sam.embeddings",
                                   "eval.sam.embeddings_size", "model.clip.architecture"));
  EXPECT_THAT(keys_that_affect(Affects::kAnswers),
              UnorderedElementsAre("eval.method", "eval.global_weight", "eval.precision",
                                   "eval.segmentor", "eval.proposal_tie", "eval.sam.weights",
                                   "eval.sam.mask", "eval.sam.point"));
  EXPECT_THAT(keys_that_affect(Affects::kCourse), UnorderedElementsAre("train.non_finite"));
  EXPECT_THAT(keys_that_affect(Affects::kArithmetic), UnorderedElementsAre("run.deterministic"));
}

TEST(Affects, APackDependsOnWhatItHolds) {
  EXPECT_THAT(
      keys_where([](const KeyDoc& doc) { return doc.packed; }),
      UnorderedElementsAre("data.dataset", "data.split_by", "data.exif", "data.image_size",
                           "data.text_length", "data.truncate", "data.proposal_filter.apply",
                           "data.proposal_filter.predicted_iou", "data.proposal_filter.score",
                           "data.proposal_filter.stability", "data.proposal_filter.min_area",
                           "data.proposal_filter.overlap", "data.proposal_filter.most",
                           "model.clip.text.tokenizer"));
}

TEST(Affects, AreToldByADifference) {
  Config other;
  other.run.threads = 3;
  other.data.root = "elsewhere";
  other.train.epochs = 1;
  const auto changes = difference(Config{}, other);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_TRUE(changes[0].path);  // data.root
  EXPECT_EQ(changes[1].affects, Affects::kResults);
  EXPECT_EQ(changes[2].affects, Affects::kNothing);
}

TEST(Affects, AModelIsTheSameWhateverItIsAskedFor) {
  Config asked;
  asked.train.epochs = 1;
  asked.eval.splits = {"testA"};
  const Config model = asked;
  asked.eval.segmentor = "sam";
  asked.eval.sam.weights = "mobile_sam.pt";
  asked.eval.method = "clip-map";
  asked.eval.global_weight = 0.5;
  EXPECT_EQ(difference(model, asked).size(), 4U);
  EXPECT_TRUE(difference(model, with_default_answers(asked)).empty());
}

}  // namespace
}  // namespace pcnet::config
