#include "pcnet/engine/evaluator.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/data/sources/dataset.h"
#include "pcnet/engine/responder.h"
#include "pcnet/engine/segmentor.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/hand_dataset.h"
#include "support/temporary_folder.h"
#include "support/tiny_sam.h"

namespace pcnet::engine {
namespace {

using support::Rectangle;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

const config::EvalOptions kAtThePeak{.segmentor = "proposal"};

/// Answers each sentence with rectangles of ones, a stage each, that the test gives by sent_id.
class HandResponder : public Responder {
 public:
  std::vector<at::Tensor> respond(std::span<const Query> queries) override {
    calls.push_back(queries.size());
    std::vector<at::Tensor> answers;
    for (const auto& query : queries) {
      asked.push_back(query.sent_ids);
      cues.push_back(query.cues);
      const auto stages = static_cast<std::int64_t>(by_sentence.begin()->second.size());
      const auto texts = static_cast<std::int64_t>(query.texts.size());
      at::Tensor maps = torch::zeros({stages, texts, query.height, query.width});
      for (std::int64_t i = 0; i < texts; ++i) {
        const auto& rectangles = by_sentence.at(query.sent_ids[static_cast<std::size_t>(i)]);
        for (std::int64_t n = 0; n < stages; ++n) {
          const auto& [x, y, width, height] = rectangles[static_cast<std::size_t>(n)];
          maps[n][i].slice(0, y, y + height).slice(1, x, x + width).fill_(0.5);
        }
      }
      answers.push_back(maps);
    }
    return answers;
  }

  text::Tokens tokens_of(const std::string& text) const override {
    return tokenizer.encode(text, 3);  // one word
  }
  std::int64_t cues_read() const override { return reads; }
  void prepare(std::span<const std::string> texts, core::Communicator& /*team*/) override {
    prepared.insert(prepared.end(), texts.begin(), texts.end());
  }

  text::WordTokenizer tokenizer = text::WordTokenizer({"first", "one", "other", "second"});

  std::vector<std::string> prepared;
  std::int64_t reads = 0;
  std::vector<std::vector<std::vector<std::string>>> cues;  // of each query
  std::map<std::int64_t, std::vector<Rectangle>> by_sentence;
  std::vector<std::size_t> calls;                // queries a call
  std::vector<std::vector<std::int64_t>> asked;  // sentences a query
};

class Evaluator : public ::testing::Test {
 protected:
  // Picture 20 (10 x 12): object 1 at (1, 1) 4 x 4, object 2 at (6, 5) 5 x 4, object 3, never
  // referred to, at (7, 6) 2 x 2 inside of object 2. Picture 21 (8 x 8): object 4 at (0, 0) 2 x 8.
  void SetUp() override {
    core::log::set_level(core::log::Level::kQuiet);
    hand_.images = {{20, 10, 12}, {21, 8, 8}};
    hand_.objects = {
        {1, 20, {1, 1, 4, 4}}, {2, 20, {6, 5, 5, 4}}, {3, 20, {7, 6, 2, 2}}, {4, 21, {0, 0, 2, 8}}};
    // The pictures alternate, so that the split's order is not the pictures'.
    hand_.references = {{50, 2, 20, "val", {{500, "second", "position"}}},
                        {51, 4, 21, "val", {{501, "other", "attribute"}}},
                        {52, 1, 20, "val", {{502, "first", "attribute"}, {503, "one", ""}}},
                        {53, 1, 20, "train", {{504, "not here", ""}}}};
    perfect_ = {
        {500, {{6, 5, 5, 4}}}, {501, {{0, 0, 2, 8}}}, {502, {{1, 1, 4, 4}}}, {503, {{1, 1, 4, 4}}}};
    responder_.by_sentence = perfect_;
  }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  SplitResult run(const config::EvalOptions& options = {}) {
    hand_.write(folder_.path());
    config::DataOptions data = support::options_for(folder_.path());
    data.on_bad_image = on_bad_image_;
    data.on_bad_annotation = on_bad_annotation_;
    break_outlines();
    data::Dataset dataset(data);
    if (bad_picture_ != 0) {
      core::write_file_plain(folder_ / ("train2014/" + std::to_string(bad_picture_) + ".png"), "x");
    }
    const auto segmentor = make_segmentor(options, torch::kCPU);
    return evaluate(dataset, "val", responder_, *segmentor, options);
  }

  /// The masks of `broken_` become polygons of one corner.
  void break_outlines() const {
    const auto path = folder_ / "toy/instances.json";
    auto instances = pcnet::core::parse_json<nlohmann::json>(core::read_file(path));
    for (const auto i : broken_) {
      instances["annotations"][i]["segmentation"] =
          nlohmann::json::array({nlohmann::json::array({1, 2})});
    }
    core::write_file_plain(path, pcnet::core::json_text(instances));
  }

  support::TemporaryFolder folder_;
  support::HandDataset hand_;
  HandResponder responder_;
  std::map<std::int64_t, std::vector<Rectangle>> perfect_;
  config::Choice<config::OnBadData> on_bad_image_ = "error";
  config::Choice<config::OnBadData> on_bad_annotation_ = "error";
  std::vector<std::size_t> broken_;  // positions of the annotations
  std::int64_t bad_picture_ = 0;
};

TEST_F(Evaluator, GivesPerfectAnswersHundredPercent) {
  const SplitResult result = run();
  EXPECT_EQ(result.scores.sentences, 4);
  EXPECT_EQ(result.scores.point_m, 100);
  EXPECT_EQ(result.scores.point_m_box, 100);
  EXPECT_EQ(result.scores.miou, 100);
  EXPECT_EQ(result.scores.oiou, 100);
  EXPECT_EQ(result.scores.precision.at("0.9"), 100);
  EXPECT_EQ(result.empty_maps, 0);
  EXPECT_EQ(result.on_object, 100);
  EXPECT_EQ(result.collisions, 0);
  EXPECT_EQ(result.pairs, 2);  // 500 with 502 and with 503
  EXPECT_EQ(result.without_proposal, 0);
}

TEST_F(Evaluator, KeepsTheSplitsOrderAndAsksAPictureOnce) {
  const SplitResult result = run({.batch_size = 1});
  std::vector<std::int64_t> order;
  for (const auto& sentence : result.sentences) order.push_back(sentence.sent_id);
  EXPECT_THAT(order, ElementsAre(500, 501, 502, 503));
  EXPECT_EQ(result.sentences[2].ref_id, 52);
  EXPECT_EQ(result.sentences[2].ann_id, 1);
  EXPECT_EQ(result.sentences[2].image_id, 20);
  EXPECT_EQ(result.sentences[2].text, "first");
  EXPECT_EQ(result.sentences[2].kind, "attribute");
  EXPECT_THAT(responder_.calls, ElementsAre(1, 1));
  ASSERT_EQ(responder_.asked.size(), 2U);
  EXPECT_THAT(responder_.asked[0], ElementsAre(500, 502, 503));
  EXPECT_THAT(responder_.asked[1], ElementsAre(501));
}

TEST_F(Evaluator, GivesCuesToWhoReadsThem) {
  hand_.cues = {{500, {"a", "b"}}, {501, {"c"}}, {502, {"d"}}, {503, {"e"}}, {504, {"f"}}};
  run({.batch_size = 1});
  EXPECT_TRUE(responder_.cues.at(0).empty());
  responder_ = HandResponder();
  responder_.by_sentence = perfect_;
  responder_.reads = 1;
  run({.batch_size = 1});
  ASSERT_EQ(responder_.cues.size(), 2U);
  EXPECT_THAT(responder_.cues[0],
              ElementsAre(ElementsAre("a", "b"), ElementsAre("d"), ElementsAre("e")));
  EXPECT_THAT(responder_.cues[1], ElementsAre(ElementsAre("c")));
}

TEST_F(Evaluator, LeavesCuesOutThatTheDatasetDoesNotHave) {
  responder_.reads = 1;
  EXPECT_EQ(run().scores.sentences, 4);
  for (const auto& cues : responder_.cues) EXPECT_TRUE(cues.empty());
}

TEST_F(Evaluator, CountsTheFirstSentenceOfAnObjectAloneWhenAsked) {
  const SplitResult result = run({.sentences = "first"});
  EXPECT_EQ(result.scores.sentences, 3);
  EXPECT_THAT(responder_.asked.at(0), ElementsAre(500, 502));
}

TEST_F(Evaluator, CountsWhatIsNotReadOfSentencesAndCues) {
  hand_.references[0].sentences[0].text = "the second";
  hand_.references[1].sentences[0].text = "other\u00A0one";
  hand_.cues = {
      {500, {"mug", "x"}}, {501, {"one"}}, {502, {"first"}}, {503, {"one"}}, {504, {"a"}}};
  responder_.reads = 1;
  const SplitResult result = run();
  EXPECT_EQ(result.text_omissions.texts, 4);
  EXPECT_EQ(result.text_omissions.unknown, 1);
  EXPECT_EQ(result.text_omissions.words.at("the"), 1);
  EXPECT_EQ(result.text_omissions.cut, 1);  // "other one"
  EXPECT_EQ(result.cue_omissions.texts, 4);
  EXPECT_EQ(result.cue_omissions.texts_with_unknown, 1);
  EXPECT_EQ(result.cue_omissions.words.at("mug"), 1);
}

TEST_F(Evaluator, LeavesTheSentencesOfBrokenOutlinesOutWhenAsked) {
  broken_ = {0};  // the object of sentences 502 and 503
  EXPECT_THAT([&] { run(); }, ThrowsMessage<core::Error>(HasSubstr("ann_id 1: a polygon")));
  on_bad_annotation_ = "skip";
  const SplitResult result = run();
  EXPECT_EQ(result.scores.sentences, 2);
  EXPECT_EQ(result.broken_outlines, 2);
  EXPECT_EQ(result.scores.miou, 100);
  broken_ = {0, 1, 3};
  EXPECT_THAT([&] { run(); },
              ThrowsMessage<core::Error>(HasSubstr("broken mask or box: none is left")));
}

TEST_F(Evaluator, AsksSeveralPicturesTogether) {
  run({.batch_size = 8});
  EXPECT_THAT(responder_.calls, ElementsAre(2));
}

TEST_F(Evaluator, TellsTheTextsAndTheCuesThatAreReadBeforeItAsks) {
  responder_.reads = 2;
  (void)run();
  // Without cues a sentence is its own.
  EXPECT_THAT(responder_.prepared, UnorderedElementsAre("first", "one", "second", "other"));
}

/// Answers all sentences with the image's first row, and waits until as many ask at once as may.
class Crowd : public Responder {
 public:
  explicit Crowd(int threads) : threads_(threads) {}
  std::vector<at::Tensor> respond(std::span<const Query> queries) override {
    std::vector<at::Tensor> answers;
    {
      std::unique_lock lock(mutex_);
      most_ = std::max(most_, ++inside_);
      come_.notify_all();
      come_.wait_for(lock, std::chrono::seconds(20), [&] { return most_ == threads_; });
      --inside_;
    }
    for (const auto& query : queries) {
      const auto texts = static_cast<std::int64_t>(query.texts.size());
      at::Tensor maps = torch::zeros({1, texts, query.height, query.width});
      maps.select(/*dim=*/2, 0).fill_(0.5);
      answers.push_back(maps);
    }
    return answers;
  }
  int askers() const override { return threads_; }
  int most() const { return most_; }

 private:
  int threads_;
  int inside_ = 0;
  int most_ = 0;
  std::mutex mutex_;
  std::condition_variable come_;
};

TEST_F(Evaluator, AsksOnSeveralThreadsAndScoresAsOnOne) {
  hand_.write(folder_.path());
  const auto scores = [&](Crowd& crowd) {
    data::Dataset dataset(support::options_for(folder_.path()));
    const config::EvalOptions options;
    const auto segmentor = make_segmentor(options, torch::kCPU);
    return evaluate(dataset, "val", crowd, *segmentor, options);
  };
  Crowd two(2);  // there are two images
  const SplitResult together = scores(two);
  Crowd one(1);
  const SplitResult alone = scores(one);
  EXPECT_EQ(two.most(), 2);
  ASSERT_EQ(together.sentences.size(), alone.sentences.size());
  for (std::size_t i = 0; i < alone.sentences.size(); ++i) {
    EXPECT_EQ(together.sentences[i].sent_id, alone.sentences[i].sent_id);
    EXPECT_EQ(together.sentences[i].segmentation.counts, alone.sentences[i].segmentation.counts);
    EXPECT_EQ(together.sentences[i].stages[0].score.intersection,
              alone.sentences[i].stages[0].score.intersection);
  }
}

TEST_F(Evaluator, EndsWithTheErrorOfAnyThread) {
  hand_.write(folder_.path());
  class Torn : public Crowd {
   public:
    Torn() : Crowd(2) {}
    std::vector<at::Tensor> respond(std::span<const Query> queries) override {
      if (queries.front().image_id == 21) throw core::Error("torn");
      return {torch::zeros({1, static_cast<std::int64_t>(queries.front().texts.size()),
                            queries.front().height, queries.front().width})};
    }
  } torn;
  data::Dataset dataset(support::options_for(folder_.path()));
  const config::EvalOptions options;
  const auto segmentor = make_segmentor(options, torch::kCPU);
  EXPECT_THAT([&] { evaluate(dataset, "val", torn, *segmentor, options); },
              ThrowsMessage<core::Error>(HasSubstr("torn")));
}

TEST_F(Evaluator, GivesEmptyMapsNothing) {
  for (auto& [sent_id, stages] : responder_.by_sentence) stages = {{0, 0, 0, 0}};
  const SplitResult result = run();
  EXPECT_EQ(result.empty_maps, 100);
  EXPECT_EQ(result.scores.miou, 0);
  EXPECT_EQ(result.scores.oiou, 0);
  EXPECT_EQ(result.scores.point_m, 25);  // pixel 0 lies in object 4
  EXPECT_EQ(result.on_object, 25);
  EXPECT_EQ(image::area(result.sentences[0].segmentation), 0);
}

TEST_F(Evaluator, ScoresHalfRightAnswersByHand) {
  responder_.by_sentence[500] = {{6, 5, 5, 2}};  // upper half: 10 / 20
  responder_.by_sentence[501] = {{0, 0, 4, 8}};  // twice as wide: 16 / 32
  responder_.by_sentence[502] = {{0, 0, 2, 1}};  // beside it: 0 / 18
  const SplitResult result = run();              // 503 perfect: 16 / 16
  EXPECT_EQ(result.scores.point_m, 75);
  EXPECT_NEAR(result.scores.miou, 100 * (0.5 + 0.5 + 0 + 1) / 4, 1e-9);
  EXPECT_NEAR(result.scores.oiou, 100.0 * (10 + 16 + 0 + 16) / (20 + 32 + 18 + 16), 1e-9);
  EXPECT_EQ(result.scores.precision.at("0.5"), 25);  // one half is not above one half
  EXPECT_EQ(result.on_object, 75);
  const StageAnswer& answer = result.sentences[2].stages.back();
  EXPECT_EQ(answer.peak.x, 0);
  EXPECT_EQ(answer.peak.y, 0);
  EXPECT_EQ(answer.peak.score, 0.5);
  EXPECT_EQ(image::decode(result.sentences[0].segmentation).data,
            support::rectangle_mask(10, 12, {6, 5, 5, 2}).data);
}

TEST_F(Evaluator, CountsKindsApartAndLeavesOutSentencesWithoutKind) {
  responder_.by_sentence[501] = {{5, 0, 1, 1}};
  const SplitResult result = run();
  ASSERT_EQ(result.kinds.size(), 2U);
  EXPECT_EQ(result.kinds.at("position").sentences, 1);
  EXPECT_EQ(result.kinds.at("position").point_m, 100);
  EXPECT_EQ(result.kinds.at("attribute").sentences, 2);
  EXPECT_EQ(result.kinds.at("attribute").point_m, 50);
}

TEST_F(Evaluator, ScoresEachStageAndCountsTheLast) {
  for (auto& [sent_id, stages] : responder_.by_sentence) {
    stages.insert(stages.begin(), {{11, 9, 1, 1}, stages[0]});
    stages[0] = sent_id == 501 ? Rectangle{7, 7, 1, 1} : Rectangle{11, 0, 1, 1};
  }
  responder_.by_sentence[500][2] = {11, 9, 1, 1};
  for (auto& [sent_id, stages] : responder_.by_sentence) {
    if (sent_id != 501) continue;
    stages[1] = {0, 0, 1, 8};
  }
  const SplitResult result = run();
  ASSERT_EQ(result.stages.size(), 3U);
  EXPECT_EQ(result.stages[0].point_m, 0);
  EXPECT_EQ(result.stages[1].point_m, 100);
  EXPECT_NEAR(result.stages[1].miou, 100 * (1 + 0.5 + 1 + 1) / 4, 1e-9);
  EXPECT_EQ(result.stages[2].point_m, 75);
  EXPECT_EQ(result.scores.point_m, 75);
  EXPECT_EQ(result.sentences[0].stages.size(), 3U);
  EXPECT_EQ(result.sentences[0].object_at_peak, -1);
}

TEST_F(Evaluator, CountsCollisionsByTheSmallestObjectAtThePeaks) {
  responder_.by_sentence[502] = {{6, 5, 1, 1}};  // on object 2, which 500 means
  SplitResult result = run();
  EXPECT_EQ(result.pairs, 2);
  EXPECT_EQ(result.collisions, 50);
  responder_.by_sentence[503] = {{10, 8, 1, 1}};  // on object 2 too
  EXPECT_EQ(run().collisions, 100);
  responder_.by_sentence[502] = {{7, 6, 1, 1}};  // on object 3, which lies on object 2
  responder_.by_sentence[503] = {{0, 0, 1, 1}};  // on nothing
  result = run();
  EXPECT_EQ(result.sentences[2].object_at_peak, 3);
  EXPECT_EQ(result.sentences[3].object_at_peak, -1);
  EXPECT_EQ(result.collisions, 0);
  EXPECT_EQ(result.on_object, 75);
}

TEST_F(Evaluator, TakesTheProposalWithTheHighestResponse) {
  const auto mask = [](const Rectangle& r) { return support::rectangle_mask(10, 12, r); };
  hand_.proposals[20] = {mask({0, 0, 12, 10}), mask({1, 1, 4, 2}), mask({6, 5, 5, 4})};
  hand_.proposals[21] = {support::rectangle_mask(8, 8, {7, 7, 1, 1})};
  responder_.by_sentence[503] = {{2, 4, 1, 1}};  // only the first proposal holds it
  const SplitResult result = run(kAtThePeak);
  const auto iou = [&](std::size_t i) {
    return metrics::iou(result.sentences[i].stages.back().score);
  };
  EXPECT_EQ(iou(0), 1);  // object 2's own
  EXPECT_EQ(iou(1), 0);  // what proposal there is, none is at (0, 0)
  EXPECT_EQ(image::area(result.sentences[1].segmentation), 1);
  EXPECT_EQ(iou(2), 0.5);           // the upper half of object 1
  EXPECT_EQ(iou(3), 16.0 / 120.0);  // the whole picture
  EXPECT_EQ(result.without_proposal, 0);
  EXPECT_EQ(result.off_proposals, 25);
  EXPECT_TRUE(result.sentences[1].off_proposals);
  EXPECT_EQ(result.ties, 50);  // 500 and 502, whose peaks lie on the first proposal, too
  EXPECT_FALSE(result.sentences[3].tied);
  EXPECT_EQ(result.scores.point_m, 100);  // the point is the map's, not the proposal's
  config::EvalOptions options = kAtThePeak;
  options.proposal_tie = config::ProposalTie::kFirst;
  EXPECT_EQ(image::area(run(options).sentences[0].segmentation), 120);
}

TEST_F(Evaluator, ReachesAllByTheBestProposalWhereTheTruthIsOne) {
  for (const auto& object : hand_.objects) {
    const auto& image = hand_.images[object.image_id == 20 ? 0 : 1];
    hand_.proposals[object.image_id].push_back(
        support::rectangle_mask(image.height, image.width, object.rectangle));
  }
  for (auto& [sent_id, stages] : responder_.by_sentence) stages = {{5, 5, 1, 1}};
  const SplitResult result = run({.segmentor = "oracle-proposal"});
  EXPECT_EQ(result.scores.miou, 100);
  EXPECT_EQ(result.scores.oiou, 100);
  EXPECT_EQ(result.scores.miou_miss, 100);
}

TEST_F(Evaluator, AsksSegmentAnythingAboutEachImageOnce) {
  const support::TemporaryFolder weights;
  support::write_sam(weights / "sam.safetensors");
  config::EvalOptions options;
  options.segmentor = config::Segmentor::kSam;
  options.sam.weights = (weights / "sam.safetensors").string();
  options.sam.embeddings = (weights / "kept").string();
  for (auto& [sent_id, stages] : responder_.by_sentence) stages.push_back({2, 2, 1, 1});
  const SplitResult result = run(options);
  EXPECT_EQ(result.scores.point_m, 50);  // of the last stage, where (2, 2) is on object 1
  EXPECT_EQ(result.stages[0].point_m, 100);
  std::int64_t kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(weights / "kept")) {
    kept += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(kept, 2);
  options.segmentor = config::Segmentor::kOracleBestOf3;
  EXPECT_GE(run(options).scores.miou, result.scores.miou);
  // Without a network: the same points.
  EXPECT_EQ(run().scores.point_m, result.scores.point_m);
}

TEST_F(Evaluator, TakesTheBestProposalByGroundTruthAsOracle) {
  const auto mask = [](const Rectangle& r) { return support::rectangle_mask(10, 12, r); };
  hand_.proposals[20] = {mask({0, 0, 12, 10}), mask({1, 1, 4, 2}), mask({6, 5, 5, 4})};
  hand_.proposals[21] = {};
  for (auto& [sent_id, stages] : responder_.by_sentence) stages = {{0, 0, 1, 1}};
  const SplitResult result = run({.segmentor = "oracle-proposal"});
  EXPECT_EQ(metrics::iou(result.sentences[0].stages.back().score), 1);
  EXPECT_EQ(metrics::iou(result.sentences[2].stages.back().score), 0.5);
  EXPECT_EQ(result.without_proposal, 1);
}

TEST_F(Evaluator, NamesMissingAndUnfittingProposals) {
  EXPECT_THAT([&] { run(kAtThePeak); }, ThrowsMessage<core::Error>(HasSubstr("no proposals")));
  hand_.proposals[20] = {support::rectangle_mask(10, 12, {0, 0, 2, 2})};
  const SplitResult result = run(kAtThePeak);
  EXPECT_EQ(result.pictures_without_proposals, 1);
  EXPECT_EQ(result.without_proposal, 1);  // 501 has none
  EXPECT_EQ(result.off_proposals, 50);    // 500 has none at its peak
  hand_.proposals.erase(20);
  hand_.proposals[99] = {};
  EXPECT_THAT([&] { run(kAtThePeak); },
              ThrowsMessage<core::Error>(HasSubstr("2 of 2 images of val have no proposals")));
  hand_.proposals.erase(99);
  hand_.proposals[21] = {support::rectangle_mask(9, 8, {0, 0, 2, 2})};
  EXPECT_THAT([&] { run(kAtThePeak); },
              ThrowsMessage<core::Error>(HasSubstr("a proposal of image_id 21")));
}

TEST_F(Evaluator, LeavesSkippedPicturesOutOrStops) {
  bad_picture_ = 21;
  EXPECT_THAT([&] { run(); }, ThrowsMessage<core::Error>(HasSubstr("image_id 21")));
  on_bad_image_ = "skip";
  const SplitResult result = run({.batch_size = 1});
  EXPECT_EQ(result.scores.sentences, 3);
  EXPECT_EQ(result.unreadable, 1);
  EXPECT_EQ(result.sentences[1].sent_id, 502);
}

TEST_F(Evaluator, RefusesMapsOfAnotherSizeThanThePicture) {
  class Small : public Responder {
    std::vector<at::Tensor> respond(std::span<const Query> queries) override {
      std::vector<at::Tensor> answers;
      for (const auto& query : queries) {
        answers.push_back(torch::ones({1, static_cast<std::int64_t>(query.texts.size()), 4, 4}));
      }
      return answers;
    }
  };
  Small small;
  hand_.write(folder_.path());
  data::Dataset dataset(support::options_for(folder_.path()));
  const auto segmentor = make_segmentor({}, torch::kCPU);
  EXPECT_THAT([&] { evaluate(dataset, "val", small, *segmentor, {}); },
              ThrowsMessage<core::Error>(HasSubstr("wanted")));
}

}  // namespace
}  // namespace pcnet::engine
