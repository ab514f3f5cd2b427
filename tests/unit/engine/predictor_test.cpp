#include "pcnet/engine/predictor.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/model/baseline.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/temporary_folder.h"
#include "support/tiny.h"

namespace pcnet::engine {
namespace {

/// Two stages: the first points at the top left, the second is (x + 1) (y + 1) on the right half of
/// text 0 and zero for the others.
class Ramp : public Responder {
 public:
  std::vector<at::Tensor> respond(std::span<const Query> queries) override {
    const Query& query = queries.front();
    picture = query.picture;
    const auto texts = static_cast<std::int64_t>(query.texts.size());
    at::Tensor maps = torch::zeros({2, texts, query.height, query.width});
    maps[0].select(1, 0).select(1, 0).fill_(0.25);
    const at::Tensor rows = torch::arange(1, query.height + 1, torch::kFloat).unsqueeze(1);
    const at::Tensor columns = torch::arange(1, query.width + 1, torch::kFloat).unsqueeze(0);
    maps[1][0].copy_(rows * columns);
    maps[1][0].slice(1, 0, query.width / 2).zero_();
    return {maps};
  }
  std::int64_t cues_read() const override { return reads; }
  at::Tensor picture;
  std::int64_t reads = 0;
};

class Predictor : public ::testing::Test {
 protected:
  Predictor() {
    image::Picture picture(6, 10);
    picture.rgb[0] = 200;
    core::write_file_plain(file_, image::encode_png_stored(picture));
  }
  support::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "picture.png";
  /// Where a map is above half of its maximum.
  std::unique_ptr<Segmentor> half_ = make_segmentor({.threshold = 0.5}, torch::kCPU);
};

TEST_F(Predictor, AnswersEachTextAtThePicturesSize) {
  Ramp ramp;
  const auto predictions = predict(ramp, *half_, file_, {"first", "second"}, 32);
  EXPECT_EQ(ramp.picture.sizes(), (at::IntArrayRef{3, 32, 32}));
  ASSERT_EQ(predictions.size(), 2U);
  const Prediction& first = predictions[0];
  EXPECT_EQ(first.image, file_);
  EXPECT_EQ(first.text, "first");
  EXPECT_EQ(first.picture->height, 6);
  EXPECT_EQ(first.picture->width, 10);
  EXPECT_EQ(first.picture->rgb[0], 200);
  EXPECT_EQ(first.maps.sizes(), (at::IntArrayRef{2, 6, 10}));
  ASSERT_EQ(first.peaks.size(), 2U);
  EXPECT_EQ(first.peaks[0].x, 0);
  EXPECT_EQ(first.peaks[0].score, 0.25);
  EXPECT_EQ(first.peaks[1].x, 9);
  EXPECT_EQ(first.peaks[1].y, 5);
  EXPECT_EQ(first.peaks[1].score, 60);
  for (std::int64_t y = 0; y < 6; ++y) {
    for (std::int64_t x = 0; x < 10; ++x) {
      EXPECT_EQ(first.mask.at(y, x), x >= 5 && (x + 1) * (y + 1) > 30 ? 1 : 0) << x << ", " << y;
    }
  }
  EXPECT_EQ(predictions[1].text, "second");
  EXPECT_EQ(predictions[1].peaks[1].score, 0);
  EXPECT_EQ(std::count(predictions[1].mask.data.begin(), predictions[1].mask.data.end(), 1), 0);
}

TEST_F(Predictor, TellsTheCueOfEachStage) {
  using Cues = std::vector<std::string>;
  Ramp ramp;
  const std::vector<Cues> cues = {{"red", "cup", "mug"}, {"plate"}};
  EXPECT_EQ(predict(ramp, *half_, file_, {"a", "b"}, 32, cues)[0].stage_cues, (Cues{"", ""}));
  ramp.reads = 1;  // of two stages: the last reads the sentence
  EXPECT_EQ(predict(ramp, *half_, file_, {"a", "b"}, 32, cues)[0].stage_cues, (Cues{"red", ""}));
  ramp.reads = 2;
  const auto both = predict(ramp, *half_, file_, {"a", "b"}, 32, cues);
  EXPECT_EQ(both[0].stage_cues, (Cues{"red", "cup"}));
  EXPECT_EQ(both[1].stage_cues, (Cues{"plate", "plate"}));
  EXPECT_EQ(predict(ramp, *half_, file_, {"a"}, 32)[0].stage_cues, (Cues{"a", "a"}));
}

TEST_F(Predictor, RunsATinyModel) {
  torch::manual_seed(3);
  const text::WordTokenizer tokenizer({"cup", "red"});
  const model::Baseline model(support::tiny_model(), tokenizer.vocabulary_size());
  ModelResponder responder(model.ptr(), tokenizer,
                           {.device = torch::kCPU,
                            .text_length = 9,
                            .truncate = text::Truncate::kKeepEnd,
                            .align_corners = false});
  const auto segmentor = make_segmentor({}, torch::kCPU);
  const auto predictions = predict(responder, *segmentor, file_, {"red cup"}, 32);
  ASSERT_EQ(predictions.size(), 1U);
  EXPECT_EQ(predictions[0].maps.sizes(), (at::IntArrayRef{1, 6, 10}));
  EXPECT_GE(predictions[0].maps.min().item<float>(), 0);
  EXPECT_LE(predictions[0].maps.max().item<float>(), 1.00001F);
  EXPECT_EQ(predictions[0].mask.height, 6);
  EXPECT_EQ(predictions[0].mask.width, 10);
}

TEST_F(Predictor, ShowsTheSegmentorAllTextsAtOnce) {
  /// A mask whose one pixel is the peak.
  class Dot : public Segmentor {
   public:
    config::Choice<config::Segmentor> kind() const override { return config::Segmentor::kSam; }
    std::vector<Segmentation> segment(const AnsweredImage& image) override {
      asked.push_back(image.maps.size());
      EXPECT_EQ(image.picture().rgb[0], 200);
      std::vector<Segmentation> all;
      for (const auto& map : image.maps) {
        all.push_back({.mask = image::Mask(image.height, image.width)});
        all.back().mask.at(map.peak.y, map.peak.x) = 1;
      }
      return all;
    }
    bool is_for_several_threads() const override { return false; }
    nlohmann::ordered_json protocol() const override { return {}; }
    std::vector<std::size_t> asked;
  };
  Ramp ramp;
  Dot dot;
  const auto predictions = predict(ramp, dot, file_, {"first", "second"}, 32);
  EXPECT_EQ(dot.asked, std::vector<std::size_t>{2});  // the last stage of both
  EXPECT_EQ(predictions[0].mask.at(5, 9), 1);
  EXPECT_EQ(predictions[1].mask.at(0, 0), 1);
}

TEST_F(Predictor, RefusesAMissingPicture) {
  Ramp ramp;
  EXPECT_THROW(predict(ramp, *half_, folder_ / "none.png", {"x"}, 32), core::Error);
}

}  // namespace
}  // namespace pcnet::engine
