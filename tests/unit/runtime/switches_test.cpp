#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/runtime/training_parts.h"

#include "support/cuda.h"
#include "support/observation.h"
#include "support/temporary_folder.h"

/// Every key of the method is turned once on a whole run: built from the configuration, fed,
/// trained for a step and evaluated. The table says where the key must show first: a switch of the
/// loss leaves the maps alone, one of the gradient the loss. A key that is missing here fails a
/// test.
namespace pcnet::runtime {
namespace {

using support::Observation;
using support::Place;

struct Turn {
  std::string key;
  std::string value;
  Place shows;
  std::vector<std::string> given = {};  ///< what both runs have beside the settings of the test
};

/// The authors' profile without what training cannot give it.
std::vector<std::string> trainable_released() {
  return {"loss.calibration.weight=0", "loss.region_aware_shrinking.foreground=response"};
}
std::vector<std::string> looking_at_partners() {
  return {"model.referring.context=shared", "model.referring.partner_context=true"};
}
std::vector<std::string> filtered() {
  return {"data.proposal_filter.apply=all", "data.proposal_filter.min_area=0"};
}
/// Enough pairs that some choose one proposal and others two.
std::vector<std::string> many_pairs() { return {"train.batch_size=9", "data.partners=2"}; }
std::vector<std::string> many_soft_pairs() {
  std::vector<std::string> given = many_pairs();
  given.emplace_back("loss.instance_disambiguation.straight_through=softmax");
  return given;
}
std::vector<std::string> contrastive() { return {"train.objective=contrastive"}; }
std::vector<std::string> mirrored() {
  std::vector<std::string> given = contrastive();
  given.emplace_back("loss.contrastive.mirrored=1");
  return given;
}
std::vector<std::string> one_caption() {
  return {"train.objective=contrastive", "train.contrastive.captions=1"};
}

const std::vector<Turn>& model_turns() {
  const std::string r = "model.referring.";
  static const std::vector<Turn> all = {
      {"model.profile", "released", Place::kBatch, trainable_released()},
      {"model.profile", "tris", Place::kBatch, {"loss.calibration.weight=0"}},
      {"model.profile", "improved", Place::kMaps},
      {"model.width", "12", Place::kMaps},
      {"model.logit_scale", "5", Place::kMaps},
      {"model.train_logit_scale", "true", Place::kParameters},
      {"model.fusion", "none", Place::kBatch},  // no cues are fed
      {"model.fusion", "attn_fusion", Place::kMaps, {"model.fusion=none"}},
      {"model.stages", "2", Place::kBatch},  // fewer cues are fed
      {"model.position_channels", "true", Place::kMaps},
      {r + "modules", "4", Place::kParameters},
      {r + "context", "shared", Place::kMaps},
      {r + "context", "own", Place::kMaps},
      {r + "context", "pair", Place::kMaps},
      {r + "partner_context", "true", Place::kMaps},
      {r + "context_keys", "reshaped", Place::kMaps, looking_at_partners()},
      {r + "modulation", "add", Place::kMaps},
      {r + "modulation", "tta", Place::kMaps},
      {r + "modulation", "vta_add", Place::kMaps},
      {r + "modulation", "vta_tta_add", Place::kMaps},
      {r + "cue_residual", "false", Place::kMaps},
      {r + "cue_scale", "0.3", Place::kMaps, {r + "modulation=vta_add"}},
      {r + "stage_cue", "sentence_last", Place::kBatch},
      {r + "stage_cue", "progressive", Place::kMaps, {r + "stage_cue=sentence_last"}},
      {r + "residual_scale", "0.3", Place::kMaps},
      {r + "train_residual_scale", "true", Place::kParameters},
      {r + "scaled_inputs", "true", Place::kMaps},
      {r + "unit_inputs", "true", Place::kMaps},
      {r + "projections", "shared", Place::kMaps},
      {r + "visual_update", "off", Place::kMaps},
      {r + "visual_update", "gated", Place::kMaps},
      {r + "response_text", "vision_updated", Place::kMaps},
      {r + "response", "inner_product", Place::kMaps},
  };
  return all;
}

const std::vector<Turn>& loss_turns() {
  const std::string cls = "loss.classification.";
  const std::string ras = "loss.region_aware_shrinking.";
  const std::string iad = "loss.instance_disambiguation.";
  const std::string kl = "loss.kl_divergence.";
  static const std::vector<Turn> all = {
      {cls + "weight", "5", Place::kLoss},
      {cls + "mean_pooling", "false", Place::kLoss},
      {cls + "max_pooling", "false", Place::kLoss},
      {cls + "focal_pooling", "false", Place::kLoss},
      {ras + "weight", "2", Place::kLoss},
      {ras + "scores", "mean", Place::kLoss},
      {ras + "background", "strongest", Place::kLoss},
      {ras + "iou", "sum", Place::kLoss},
      {ras + "form", "released", Place::kLoss},
      {ras + "detach_previous", "false", Place::kGradient},
      {ras + "detach_maximum", "true", Place::kGradient},
      {iad + "weight", "0.5", Place::kLoss, many_pairs()},
      {iad + "ramp", "0.2", Place::kLoss, many_pairs()},
      {iad + "maps", "logits", Place::kGradient, many_pairs()},
      {iad + "detach_maximum", "false", Place::kGradient, many_pairs()},
      {iad + "scores", "mean", Place::kLoss, many_pairs()},
      {iad + "dilation", "1", Place::kGradient, many_pairs()},
      {iad + "tie", "first", Place::kLoss, many_pairs()},
      {iad + "straight_through", "softmax", Place::kGradient, many_pairs()},
      {iad + "softmax_padding", "true", Place::kGradient, many_soft_pairs()},
      {iad + "gradient", "inner_product", Place::kGradient, many_pairs()},
      {iad + "gradient", "softmax", Place::kGradient, many_pairs()},
      {iad + "distance", "half_l1", Place::kLoss, many_pairs()},
      {iad + "stages", "last", Place::kLoss, many_pairs()},
      {kl + "weight", "1", Place::kLoss},
      {kl + "scores", "mean", Place::kLoss, {kl + "weight=1"}},
      {kl + "stages", "last", Place::kLoss, {kl + "weight=1"}},
      {"loss.grid", "9", Place::kBatch},
      {"loss.map_resize", "released", Place::kLoss, {"loss.grid=9"}},
      {"loss.proposal_resize", "nearest", Place::kBatch},
      {"loss.contrastive.weight", "2", Place::kLoss, contrastive()},
      {"loss.contrastive.classification", "0.5", Place::kLoss, contrastive()},
      {"loss.contrastive.mirrored", "1", Place::kBatch, contrastive()},
      {"loss.contrastive.mirrored_ramp", "0.5", Place::kLoss, mirrored()},
  };
  return all;
}

const std::vector<Turn>& data_turns() {
  const std::string filter = "data.proposal_filter.";
  static const std::vector<Turn> all = {
      {"data.image_size", "64", Place::kBatch},
      {"data.text_length", "6", Place::kBatch},
      {"data.truncate", "cut", Place::kBatch, {"data.text_length=6"}},
      {"data.partners", "2", Place::kBatch},
      {"data.negatives", "distinct_objects", Place::kBatch},
      {"data.negatives", "distinct_images", Place::kBatch},
      {filter + "min_area", "200", Place::kBatch, filtered()},
      {filter + "overlap", "0.95", Place::kBatch, filtered()},
      {filter + "most", "5", Place::kBatch},
  };
  return all;
}

const std::vector<Turn>& eval_turns() {
  static const std::vector<Turn> all = {
      {"eval.splits", "[train]", Place::kAnswers},
      {"eval.precision", "bf16", Place::kAnswers},
      {"eval.precision", "fp16", Place::kAnswers},
      {"eval.threshold", "0.6", Place::kScores},
      {"eval.align_corners", "false", Place::kAnswers},
      {"eval.map_resize", "released", Place::kAnswers},
      {"eval.segmentor", "proposal", Place::kScores},
      {"eval.segmentor", "oracle-proposal", Place::kScores},
      {"eval.proposal_tie", "largest", Place::kScores, {"eval.segmentor=proposal"}},
      {"eval.proposal_tie", "first", Place::kScores, {"eval.segmentor=proposal"}},
      {"eval.ground_truth", "exclusive", Place::kScores},
      {"eval.sentences", "first", Place::kAnswers},
  };
  return all;
}

const std::vector<Turn>& train_turns() {
  static const std::vector<Turn> all = {
      {"train.objective", "contrastive", Place::kBatch},
      {"train.batch_size", "2", Place::kBatch},
      {"train.epochs", "2", Place::kStep},
      {"train.max_steps", "9", Place::kStep},
      {"train.learning_rate", "2e-3", Place::kStep},
      {"train.backbone_factor", "1", Place::kStep},
      {"train.projection_factor", "3", Place::kStep},
      {"train.logit_scale_factor", "1", Place::kStep, {"model.train_logit_scale=true"}},
      {"train.weight_decay", "0.5", Place::kStep},
      {"train.decay_norms", "false", Place::kStep, {"train.weight_decay=0.5"}},
      {"train.precision", "bf16", Place::kStep},
      {"train.accumulate", "3", Place::kLoss},
      {"train.warmup_steps", "2", Place::kStep},
      {"train.decay_power", "0", Place::kStep},
      {"train.clip_norm", "1e-6", Place::kStep},
      {"train.contrastive.captions", "0", Place::kBatch, contrastive()},
      {"train.contrastive.expressions", "1", Place::kBatch, contrastive()},
      {"train.contrastive.cues", "1", Place::kBatch, contrastive()},
      {"train.contrastive.positional_captions", "1", Place::kBatch, one_caption()},
  };
  return all;
}

const std::vector<Turn>& turns_of(const std::string& section) {
  if (section == "model") return model_turns();
  if (section == "loss") return loss_turns();
  if (section == "data") return data_turns();
  return section == "eval" ? eval_turns() : train_turns();
}

/// Keys (or single values of one) that change no number of such a run, or need what it does not
/// have; and the tests that prove them.
const std::map<std::string, std::vector<std::string>>& proven_elsewhere() {
  const std::string ras = "loss.region_aware_shrinking.";
  static const std::map<std::string, std::vector<std::string>> all = {
      {ras + "foreground", {"Calibrated.ShrinksToTheProposalThatTheFrozenClipChooses"}},
      {"loss.calibration.weight", {"Calibrated.ChangesTheGradientsAndWithoutWeightAsksNobody"}},
      {ras + "foreground_mean",
       {"RegionAwareShrinking.AveragesOverTheMapsThatMeetTheirForegroundWhenAsked"}},
      {"loss.calibration.own", {"Calibration.WeighsTheOwnTextAndTheOthersApart"}},
      {"loss.calibration.negatives", {"Calibration.IsThatOfTheNaiveLoop"}},
      {"loss.calibration.stages", {"Calibrated.LooksAtEachStageWithItsCueWhenAsked"}},
      {"loss.calibration.mask", {"Calibrated.MasksAsAsked"}},
      {"loss.calibration.weights", {"Calibrated.NeedsAFrozenClip"}},  // frozen_clip_test.py
      {"loss.calibration.image_size", {"FrozenClip.SeesPicturesOfTheSizeThatIsAskedFor"}},
      {"model.init", {"WarmStart.TakesAllThatHasTheSameName"}},  // init_test.py
      {"data.root", {"LocateDataset.FindsReferAndTrain2014BelowTheRoot"}},
      {"data.dataset", {"LocateDataset.AsksWhichOfSeveralDatasets"}},
      {"data.split_by", {"LocateDataset.AsksWhichOfSeveralDatasets"}},
      {"data.images", {"LocateDataset.PrefersNamedFiles"}},
      {"data.cues", {"LocateDataset.PrefersNamedFiles"}},
      {"data.proposals", {"LocateDataset.PrefersNamedFiles"}},
      {"data.clip_scores", {"ClipScoresTest.AreThoseOfThePlanesOfABatch"}},
      {"data.pack", {"PackTest.GivesTheSameBatches"}},
      {"data.exif",
       {"CustomData.TurnsPicturesAsViewersDoUnlessToldNotTo",
        "PictureStoreTest.TurnsPicturesOfATreeOnlyWhenToldTo"}},
      {"data.cues_per_sentence", {"SwitchTest.RefusesFewerCuesThanTheStagesRead"}},
      {"data.cache", {"PictureStoreTest.ReadsAPictureOnceWhenItKeepsThem"}},
      {"data.workers", {"LoaderTest.MakesTheSameBatchesWithAnyNumberOfWorkers"}},
      {"data.prefetch", {"LoaderTest.MakesNoMoreThanAsManyAheadAsAskedFor"}},
      {"data.on_bad_image", {"SamplesTest.LeavesSkippedPicturesWithTheirTextsOut"}},
      {"data.on_bad_annotation", {"Evaluator.LeavesTheSentencesOfBrokenOutlinesOutWhenAsked"}},
      {"data.missing_cues", {"SamplesTest.ASentenceWithoutCuesIsItsOwnWhenThatIsAskedFor"}},
      {"data.proposal_filter.apply",
       {"ProposalStoreTest.ReadsOurLinesUnfiltered",
        "ProposalStoreTest.ReadsSamsDocumentsFiltered"}},
      {"data.proposal_filter.predicted_iou", {"ProposalFilter.DropsUnsureAndSmallOnes"}},
      {"data.proposal_filter.score", {"ProposalFilter.BoundsScoresByTheirOwnKey"}},
      {"data.proposal_filter.stability", {"ProposalFilter.DropsUnsureAndSmallOnes"}},
      {"eval.method",  // clip_alone_test.py
       {"ProposalScorer.ComparesTheCropWithTheSentence",
        "ProposalScorer.AddsThePlaceInTheWholeImageAndTheNounPhrase",
        "ClipMap.IsTheCosineOfEveryCellWithTheText"}},
      {"eval.global_weight",
       {"ProposalScorer.AddsThePlaceInTheWholeImageAndTheNounPhrase",
        "GlobalWeight.FollowsTheDatasetUnlessItIsSaid"}},
      {"eval.batch_size", {"Evaluator.AsksSeveralPicturesTogether"}},
      {"eval.samples", {"SamplePictures.DrawsNoMoreThanAskedFor"}},
      {"eval.segmentor",  // those that need weights
       {"SamSegments.IsClickedAtThePeakAndLooksOnce",
        "SamSegments.IsClickedAtAPointOfTheGroundTruth",
        "SamSegments.TakesTheBestOfThreeByGroundTruthWhateverTheRule"}},
      {"eval.sam.weights", {"SamSegments.IsClickedAtThePeakAndLooksOnce"}},
      {"eval.sam.mask", {"SamSegments.TakesTheMaskThatTheRuleNames"}},
      {"eval.sam.point", {"SamSegments.IsClickedAtAPointOfTheGroundTruth"}},
      {"eval.sam.embeddings", {"SamSegments.GivesTheSameFromKeptEmbeddings"}},
      {"eval.sam.embeddings_size", {"SamEmbeddings.OldestGoFirstAndOtherFilesStay"}},
      {"train.precision",
       {"PrecisionGuard.ActsInTheForwardPassAlone",
        "TrainerTest.MeasuresThePrecisionOnceWhenItIsLeftToIt"}},
      {"train.recompute", {"Recompute.GivesTheSameStepWithLessMemory"}},
      {"train.sync_batch_norm",
       {"SharedBatch.MovesRunningStatisticsByTheMeanWhereEachNormalisesItsOwn"}},
      {"train.ema_decay",
       {"Ema.IsTheRunningMeanByHand", "TrainerTest.GoesOnExactlyFromItsStateWithMeanAndScale"}},
      {"run.deterministic",
       {"Arithmetic.RefusesWhatIsNotDeterministicWhenAskedTo",
        "SwitchTest.TrainsAndEvaluatesWithDeterministicOperationsAlone"}},
      {"train.checkpoint_every", {"Hooks.CheckpointWritesEverySoManySteps"}},
      {"train.eval_every", {"ValidationHooks.KeepTheBestByPointM"}},
      {"train.eval_every_epochs", {"ValidationHooks.ComeByStepsAndByEpochs"}},
      {"train.best_metric", {"ValidationHooks.KeepTheBestByTheNamedFigure"}},
      {"train.patience", {"ValidationHooks.EndTheTrainingWhenNothingGetsBetter"}},
      {"train.non_finite", {"NonFinite.SkipsWhenAskedAndStopsAtTheTenthInARow"}},
      {"train.log_every", {"Hooks.LogWritesEverySoManySteps"}},
      {"run.tensorboard", {"Hooks.LogGivesTensorBoardTheSameNumbers"}},
  };
  return all;
}

/// The words after "one of ", the two of a yes/no, or nothing.
std::vector<std::string> values_of(const config::KeyDoc& doc) {
  if (doc.type == "yes/no") return {"false", "true"};
  std::vector<std::string> words;
  const std::string start = "one of ";
  if (!doc.range.starts_with(start)) return words;
  std::istringstream stream(doc.range.substr(start.size()));
  for (std::string word; stream >> word;) {
    words.push_back(word.ends_with(",") ? word.substr(0, word.size() - 1) : word);
  }
  return words;
}

/// A key's value as text, "paper", "true", "3".
std::string value_in(const nlohmann::ordered_json& config, std::string key) {
  std::replace(key.begin(), key.end(), '.', '/');
  const auto& value = config.at(nlohmann::ordered_json::json_pointer("/" + key));
  return value.is_string() ? value.get<std::string>() : pcnet::core::json_text(value);
}

bool is_registered(const std::string& name) {
  const auto& program = *testing::UnitTest::GetInstance();
  for (int i = 0; i < program.total_test_suite_count(); ++i) {
    const auto& suite = *program.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      if (name == std::string(suite.name()) + "." + suite.GetTestInfo(j)->name()) return true;
    }
  }
  return false;
}

class SwitchTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<support::TemporaryFolder>();
    support::write_observed_dataset(folder_->path());
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override { core::log::set_level(core::log::Level::kQuiet); }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  static config::Config config(const std::vector<std::string>& overrides) {
    return support::observed_config(folder_->path(), overrides);
  }

 private:
  static inline std::unique_ptr<support::TemporaryFolder> folder_;
};

class Switches : public SwitchTest, public testing::WithParamInterface<std::string> {};

TEST_P(Switches, ShowWhereTheyActAndNotBefore) {
  std::map<std::vector<std::string>, Observation> references;
  for (const Turn& turn : turns_of(GetParam())) {
    SCOPED_TRACE(turn.key + "=" + turn.value);
    if (!references.contains(turn.given)) {
      references.emplace(turn.given, support::observe(config(turn.given)));
    }
    std::vector<std::string> turned = turn.given;
    turned.push_back(turn.key + "=" + turn.value);
    const Place shows =
        support::first_difference(references.at(turn.given), support::observe(config(turned)));
    EXPECT_EQ(support::name_of(shows), support::name_of(turn.shows));
  }
}

/// float32 on both, sums in another order; behind a peak that ties another, a gradient can differ.
TEST_P(Switches, GiveTheSameOnCuda) {
  PCNET_NEED_CUDA();
  std::vector<Turn> turns = turns_of(GetParam());
  turns.insert(turns.begin(), Turn{"run.seed", "0", Place::kNowhere});
  for (const Turn& turn : turns) {
    if (turn.key.ends_with(".precision")) continue;  // bf16 is another rounding there
    std::vector<std::string> turned = turn.given;
    turned.push_back(turn.key + "=" + turn.value);
    turned.emplace_back("run.device=cpu");
    const Observation here = support::observe(config(turned));
    turned.back() = "run.device=cuda";
    auto apart = support::differences(here, support::observe(config(turned)));
    EXPECT_EQ(apart[Place::kBatch], 0) << turn.key << "=" << turn.value;
    for (const auto place : {Place::kMaps, Place::kLoss, Place::kAnswers}) {
      EXPECT_LE(apart[place], 2e-4)
          << turn.key << "=" << turn.value << ", " << support::name_of(place);
    }
    EXPECT_LE(apart[Place::kGradient], 1e-3) << turn.key << "=" << turn.value;
  }
}

TEST_P(Switches, AreAllInTheTableWithEachOfTheirValues) {
  const auto paper = config::to_json(config({}));
  for (const auto& doc : config::documentation()) {
    if (!doc.key.starts_with(GetParam() + ".") || doc.key.starts_with("model.clip.")) continue;
    if (proven_elsewhere().contains(doc.key)) continue;
    std::set<std::string> turned;
    for (const Turn& turn : turns_of(GetParam())) {
      if (turn.key == doc.key) turned.insert(turn.value);
    }
    EXPECT_FALSE(turned.empty()) << doc.key << " has no test that it changes something";
    for (const auto& value : values_of(doc)) {
      if (value == value_in(paper, doc.key)) continue;
      EXPECT_TRUE(turned.contains(value)) << doc.key << "=" << value << " changes what?";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Section, Switches,
                         testing::Values("model", "loss", "data", "eval", "train"),
                         [](const auto& section) { return section.param; });

TEST(SwitchesElsewhere, AreKeysWithTestsThatExist) {
  std::set<std::string> keys;
  for (const auto& doc : config::documentation()) keys.insert(doc.key);
  for (const auto& [key, tests] : proven_elsewhere()) {
    EXPECT_TRUE(keys.contains(key)) << key;
    for (const auto& test : tests) EXPECT_TRUE(is_registered(test)) << test;
  }
}

TEST_F(SwitchTest, FindsNoDifferenceBetweenEqualRuns) {
  const Observation once = support::observe(config({}));
  const Observation again = support::observe(config({}));
  EXPECT_EQ(support::name_of(support::first_difference(once, again)), "nowhere");
}

TEST_F(SwitchTest, TrainsAndEvaluatesWithDeterministicOperationsAlone) {
  for (const char* setting : {"model.profile=paper", "model.profile=improved",
                              "train.objective=contrastive", "loss.grid=9"}) {
    SCOPED_TRACE(setting);
    const Observation plain = support::observe(config({setting}));
    const Observation fixed = support::observe(config({setting, "run.deterministic=true"}));
    core::set_arithmetic(/*deterministic=*/false);
    EXPECT_EQ(support::name_of(support::first_difference(plain, fixed)), "nowhere");
  }
}

TEST_F(SwitchTest, GivesTheSameBitsTwiceOnCudaWhenDeterministic) {
  PCNET_NEED_CUDA();
  for (const char* setting : {"model.profile=paper", "model.profile=improved",
                              "train.objective=contrastive", "train.precision=bf16"}) {
    SCOPED_TRACE(setting);
    const auto fixed = config({setting, "run.device=cuda", "run.deterministic=true"});
    const Observation once = support::observe(fixed);
    for (const auto& [place, apart] : support::differences(once, support::observe(fixed))) {
      EXPECT_EQ(apart, 0) << support::name_of(place);
    }
    core::set_arithmetic(/*deterministic=*/false);
  }
}

TEST_F(SwitchTest, TrainsInEachPrecisionOnCuda) {
  PCNET_NEED_CUDA();
  const Observation exact = support::observe(config({"run.device=cuda", "train.precision=fp32"}));
  for (const char* precision : {"tf32", "bf16", "fp16", "auto"}) {
    auto apart = support::differences(
        exact,
        support::observe(config({"run.device=cuda", core::cat("train.precision=", precision)})));
    EXPECT_LE(apart[Place::kLoss], 0.05) << precision;
    EXPECT_LE(apart[Place::kMaps], 1e-4) << precision;  // asked for outside of a step
  }
}

TEST_F(SwitchTest, RefusesMorePartsThanPictures) {
  EXPECT_THROW(TrainingParts(config({"train.accumulate=4"})), core::ConfigError);
}

TEST_F(SwitchTest, RefusesAnArithmeticThatTheProcessorDoesNotHave) {
  EXPECT_THROW(TrainingParts(config({"run.device=cpu", "train.precision=tf32"})),
               core::ConfigError);
}

TEST_F(SwitchTest, RefusesFewerCuesThanTheStagesRead) {
  EXPECT_THROW(TrainingParts(config({"data.cues_per_sentence=2"})), core::ConfigError);
  EXPECT_NO_THROW(TrainingParts(config({"data.cues_per_sentence=3"})));
}

}  // namespace
}  // namespace pcnet::runtime
