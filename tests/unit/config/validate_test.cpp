#include "pcnet/config/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

TEST(Rules, NoneIsBrokenByAProfile) {
  for (const char* profile : {"paper", "released", "tris", "improved"}) {
    EXPECT_THAT(broken_rules(load_defaults({std::string("model.profile=") + profile}).values),
                IsEmpty())
        << profile;
  }
}

TEST(Rules, EachIsSaidWhereItIsBroken) {
  const struct {
    std::vector<std::string> overrides;
    const char* said;
  } rows[] = {
      {{"model.clip.visual.strides=[1, 2]"}, "model.clip.visual: 4 layers and 2 strides"},
      {{"model.clip.visual.resolution=100"}, "resolution 100 must be a multiple of 32"},
      {{"model.clip.visual.heads=3"}, "heads 3 must divide 2048 channels"},
      {{"model.clip.text.heads=7"}, "model.clip.text: heads 7 must divide width 512"},
      {{"model.clip.architecture=RN101", "model.clip.visual.width=32"},
       "model.clip.visual.width is not that of model.clip.architecture RN101"},
      {{"data.text_length=78"}, "data.text_length is 78: wanted at most"},
      {{"loss.classification.weight=0", "loss.region_aware_shrinking.weight=0",
        "loss.instance_disambiguation.weight=0"},
       "loss: every term has weight 0"},
      {{"loss.classification.mean_pooling=false", "loss.classification.max_pooling=false",
        "loss.classification.focal_pooling=false"},
       "loss.classification: got no pooling at all"},
      {{"data.partners=0"}, "data.partners is 0"},
      {{"data.cues_per_sentence=2"}, "model.stages is 3: its stages read 3 cues"},
      {{"train.objective=contrastive", "train.contrastive.captions=0",
        "train.contrastive.expressions=0", "train.contrastive.cues=0"},
       "captions, expressions and cues are all 0"},
      {{"train.objective=contrastive", "train.contrastive.positional_captions=3"},
       "train.contrastive.positional_captions is 3, wanted at most"},
      {{"train.objective=contrastive", "train.contrastive.captions=0",
        "loss.contrastive.mirrored=1"},
       "train.contrastive.captions is 0: loss.contrastive.mirrored"},
      {{"train.accumulate=40"}, "train.accumulate is 40: wanted at most train.batch_size"},
      {{"train.patience=2"}, "train.patience is 2, but nothing is validated before the end"},
      {{"eval.splits=[]"}, "eval.splits is empty"},
      {{"eval.segmentor=sam"}, "eval.segmentor is sam, which asks Segment Anything: name its"},
      {{"eval.segmentor=oracle-point"}, "weights with --sam (eval.sam.weights)"},
      {{"eval.segmentor=oracle-best-of-3"}, "eval.segmentor is oracle-best-of-3"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT([&] { load_defaults(row.overrides); },
                ThrowsMessage<core::ConfigError>(HasSubstr(row.said)))
        << row.said;
  }
}

TEST(Rules, AreSaidAllAtOnceWithTheFaultsOfValues) {
  EXPECT_THAT(
      [] {
        load_defaults({"data.partners=0", "train.patience=2", "train.batch_size=x"});
      },
      ThrowsMessage<core::ConfigError>(AllOf(HasSubstr("train.batch_size"),
                                             HasSubstr("\ndata.partners is 0"),
                                             HasSubstr("\ntrain.patience is 2"))));
}

TEST(Rules, OfTheReferringObjectiveLeaveContrastAlone) {
  EXPECT_THAT(
      broken_rules(load_defaults({"train.objective=contrastive", "data.partners=0"}).values),
      IsEmpty());
}

TEST(Architecture, SetsItsKeysAndSaysWhereTheyComeFrom) {
  const ResolvedConfig resolved = load_defaults({"model.clip.architecture=RN101"});
  EXPECT_THAT(resolved.values.model.clip.visual.layers, ElementsAre(3, 4, 23, 3));
  EXPECT_EQ(resolved.values.model.clip.visual.output_dim, 512);
  EXPECT_EQ(resolved.values.model.clip.text.output_dim, 512);
  EXPECT_EQ(resolved.origins.at("model.clip.visual.layers"), "architecture RN101");
  EXPECT_EQ(resolved.origins.at("model.clip.visual.width"), "default");  // RN50's, too
  EXPECT_EQ(resolved.origins.at("model.clip.architecture"), "--set");
}

TEST(Architecture, LeavesTheTokenizerAndThePoolAsTheyAreSet) {
  const auto values =
      load_defaults({"model.clip.architecture=RN50x4", "model.clip.text.tokenizer=words",
                     "model.clip.visual.attention_pool=false"})
          .values;
  EXPECT_EQ(values.model.clip.text.tokenizer.word(), "words");
  EXPECT_FALSE(values.model.clip.visual.attention_pool);
  EXPECT_EQ(values.model.clip.visual.width, 80);
}

TEST(Architecture, IsReadBackFromAStoredConfiguration) {
  const auto values = load_defaults({"model.clip.architecture=RN50x16"}).values;
  EXPECT_THAT(difference(load_json(to_json(values), "a checkpoint", {}).values, values), IsEmpty());
}

}  // namespace
}  // namespace pcnet::config
