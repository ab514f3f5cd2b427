#include "pcnet/clip/text_packing.h"

#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/clip/clip.h"
#include "pcnet/core/error.h"

#include "support/tiny.h"

namespace pcnet::clip {
namespace {

// 0 padding, 1 to 4 words, 5 start, 6 end.
at::Tensor ids(at::ArrayRef<std::int64_t> values, std::int64_t rows) {
  return torch::tensor(values, torch::kInt64).view({rows, -1});
}

bool equal(const at::Tensor& got, at::ArrayRef<std::int64_t> wanted) {
  return at::equal(got.flatten(), torch::tensor(wanted, torch::kInt64));
}

TEST(PackTexts, PadsDistinctTextsToTheLongest) {
  const at::Tensor tokens = ids({5, 1, 6, 0, 0, 0,  //
                                 5, 2, 3, 6, 0, 0,  //
                                 5, 1, 6, 0, 0, 0,  //
                                 5, 4, 6, 0, 0, 0},
                                4);
  const PackedTexts packed = pack_texts(tokens, TextLayout::kPadded);
  EXPECT_EQ(packed.rows.length, 4);
  EXPECT_FALSE(packed.rows.before.defined());
  EXPECT_TRUE(equal(packed.tokens, {5, 1, 6, 0, 5, 2, 3, 6, 5, 4, 6, 0}));
  EXPECT_TRUE(equal(packed.places, {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_TRUE(equal(packed.rows.ends, {2, 7, 10}));
  EXPECT_TRUE(equal(packed.text, {0, 1, 0, 2}));
}

TEST(PackTexts, SharesTheRowsOfWhatTextsBeginWith) {
  const at::Tensor tokens = ids({5, 2, 3, 6, 0,  //
                                 5, 2, 6, 0, 0,  //
                                 5, 2, 3, 6, 0,  //
                                 5, 2, 3, 3, 6,  //
                                 5, 3, 6, 0, 0},
                                5);
  const PackedTexts packed = pack_texts(tokens, TextLayout::kShared);
  EXPECT_EQ(packed.rows.length, 0);
  EXPECT_TRUE(equal(packed.tokens, {5, 2, 3, 6, 6, 3, 6, 3, 6}));
  EXPECT_TRUE(equal(packed.rows.before, {-1, 0, 1, 2, 1, 2, 5, 0, 7}));
  EXPECT_TRUE(equal(packed.places, {0, 1, 2, 3, 2, 3, 4, 1, 2}));
  EXPECT_TRUE(equal(packed.rows.ends, {3, 4, 6, 8}));
  EXPECT_TRUE(equal(packed.text, {0, 1, 0, 2, 3}));
}

TEST(PackTexts, IgnoresWhatFollowsTheEnd) {
  for (const TextLayout layout : {TextLayout::kShared, TextLayout::kPadded}) {
    const PackedTexts packed = pack_texts(ids({5, 1, 6, 0, 0, 5, 1, 6, 3, 6}, 2), layout);
    EXPECT_TRUE(equal(packed.tokens, {5, 1, 6}));
    EXPECT_TRUE(equal(packed.rows.ends, {2}));  // the first of two greatest ids
    EXPECT_TRUE(equal(packed.text, {0, 0}));
  }
}

TEST(PackTexts, TellsAPlaceFromAnother) {
  const PackedTexts packed = pack_texts(ids({5, 6, 0, 5, 5, 6}, 2), TextLayout::kShared);
  EXPECT_TRUE(equal(packed.tokens, {5, 6, 5, 6}));
  EXPECT_TRUE(equal(packed.places, {0, 1, 1, 2}));
  EXPECT_TRUE(equal(packed.rows.ends, {1, 3}));
}

TEST(PackTexts, CountsATextWithoutEndTokenUpToItsStart) {
  const PackedTexts packed = pack_texts(ids({5, 1, 2, 3, 5, 4, 4, 4}, 2), TextLayout::kShared);
  EXPECT_TRUE(equal(packed.tokens, {5}));
  EXPECT_TRUE(equal(packed.text, {0, 0}));
}

TEST(PackTexts, LetsATextEndInsideOfAnother) {
  const PackedTexts packed = pack_texts(ids({5, 1, 2, 3, 5, 4, 6, 0}, 2), TextLayout::kShared);
  EXPECT_TRUE(equal(packed.tokens, {5, 4, 6}));
  EXPECT_TRUE(equal(packed.rows.ends, {0, 2}));
}

TEST(PackTexts, TakesARowOfPaddingForItsFirstToken) {
  const PackedTexts packed = pack_texts(ids({0, 0, 0, 5, 1, 6}, 2), TextLayout::kShared);
  EXPECT_TRUE(equal(packed.tokens, {0, 5, 1, 6}));
  EXPECT_TRUE(equal(packed.rows.before, {-1, -1, 1, 2}));
  EXPECT_TRUE(equal(packed.rows.ends, {0, 3}));
}

TEST(PackTexts, TakesATensorThatIsNoWholeMemory) {
  const at::Tensor wide = ids({5, 1, 6, 9, 9, 5, 2, 6, 9, 9}, 2).slice(1, 0, 3);
  EXPECT_TRUE(equal(pack_texts(wide, TextLayout::kShared).tokens, {5, 1, 6, 2, 6}));
}

class EncodeTexts : public ::testing::Test {
 protected:
  EncodeTexts() {
    torch::manual_seed(1);
    clip_ = Clip(support::tiny_clip(), 7);
    const torch::NoGradGuard no_grad;
    for (auto& parameter : clip_->parameters()) parameter.add_(torch::randn_like(parameter) * 0.2);
  }
  /// Each text alone, so that no row is shared.
  at::Tensor one_by_one(const at::Tensor& tokens) {
    std::vector<at::Tensor> rows;
    for (std::int64_t i = 0; i < tokens.size(0); ++i) {
      rows.push_back(clip_->encode_text(tokens.slice(0, i, i + 1)));
    }
    return at::cat(rows);
  }
  Clip clip_ = nullptr;
};

TEST_F(EncodeTexts, GivesSharedRowsTheirPlaces) {
  const at::Tensor tokens =
      ids({5, 1, 6, 0, 0, 5, 2, 3, 4, 6, 5, 1, 6, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4}, 5);
  const at::Tensor out = clip_->encode_text(tokens);
  ASSERT_EQ(out.sizes(), (at::IntArrayRef{5, 12}));
  EXPECT_TRUE(at::equal(out[0], out[2]));
  EXPECT_TRUE(at::allclose(out, one_by_one(tokens), 1e-5, 1e-6));
}

TEST_F(EncodeTexts, AddsUpTheGradientsOfSharedRows) {
  const at::Tensor weights = torch::randn({3, 12});
  const auto gradients = [&](const at::Tensor& loss) {
    clip_->zero_grad();
    loss.backward();
    std::vector<at::Tensor> all;
    for (const auto& item : clip_->named_parameters()) {
      if (item->grad().defined()) all.push_back(item->grad().flatten().clone());
    }
    return at::cat(all);
  };
  const at::Tensor tokens = ids({5, 1, 6, 5, 2, 6, 5, 1, 6}, 3);
  const at::Tensor shared = gradients((clip_->encode_text(tokens) * weights).sum());
  const at::Tensor apart = gradients((one_by_one(tokens) * weights).sum());
  EXPECT_GT(apart.abs().max().item<float>(), 0.1F);
  EXPECT_TRUE(at::allclose(shared, apart, 1e-4, 1e-5));
}

TEST_F(EncodeTexts, AnswersOneTextEqualTextsAndNone) {
  const at::Tensor one = ids({5, 1, 2, 6, 0}, 1);
  EXPECT_EQ(clip_->encode_text(one).sizes(), (at::IntArrayRef{1, 12}));
  const at::Tensor same = clip_->encode_text(one.expand({4, 5}));
  ASSERT_EQ(same.sizes(), (at::IntArrayRef{4, 12}));
  EXPECT_TRUE(at::allclose(same, clip_->encode_text(one).expand({4, 12}), 1e-5, 1e-6));
  EXPECT_EQ(clip_->encode_text(one.slice(0, 0, 0)).sizes(), (at::IntArrayRef{0, 12}));
}

TEST_F(EncodeTexts, RefusesWhatIsNoBatchOfTokens) {
  EXPECT_THROW(clip_->encode_text(torch::zeros({5}, torch::kInt64)), core::Error);
  EXPECT_THROW(clip_->encode_text(torch::zeros({2, 0}, torch::kInt64)), core::Error);
  EXPECT_THROW(clip_->encode_text(torch::zeros({2, 4}, torch::kInt32)), core::Error);
}

}  // namespace
}  // namespace pcnet::clip
