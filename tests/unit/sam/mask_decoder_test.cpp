#include "pcnet/sam/mask_decoder.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::sam {
namespace {

class MaskDecoderTest : public ::testing::Test {
 protected:
  MaskDecoderTest() {
    torch::manual_seed(2);
    for (auto& parameter : decoder_->parameters()) parameter.uniform_(-0.3, 0.3);
    embeddings_ = torch::randn({1, kFeatures, 3, 3});
    places_ = torch::randn({kFeatures, 3, 3});
    dense_ = torch::randn({1, kFeatures, 1, 1});
  }

  MaskDecoderImpl::Masks answer(const at::Tensor& sparse, Outputs outputs) {
    return decoder_->forward(decoder_->look_at(embeddings_, dense_, places_), sparse, outputs);
  }

  torch::NoGradGuard no_grad_;
  MaskDecoder decoder_;
  at::Tensor embeddings_, places_, dense_;
};

TEST_F(MaskDecoderTest, AnswersEachPromptAsIfItWereAlone) {
  const at::Tensor sparse = torch::randn({3, 2, kFeatures});
  const auto together = answer(sparse, Outputs::kMultiple);
  ASSERT_EQ(together.logits.sizes(), (std::vector<std::int64_t>{3, 3, 12, 12}));
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto alone = answer(sparse.slice(0, i, i + 1), Outputs::kMultiple);
    EXPECT_TRUE(at::allclose(together.logits[i], alone.logits[0], 1e-4, 1e-4));
    EXPECT_TRUE(at::allclose(together.predicted_iou[i], alone.predicted_iou[0], 1e-4, 1e-5));
  }
}

TEST_F(MaskDecoderTest, GivesOneMaskThatIsNoneOfTheThree) {
  const at::Tensor sparse = torch::randn({1, 2, kFeatures});
  const auto one = answer(sparse, Outputs::kSingle);
  const auto three = answer(sparse, Outputs::kMultiple);
  ASSERT_EQ(one.logits.sizes(), (std::vector<std::int64_t>{1, 1, 12, 12}));
  ASSERT_EQ(one.predicted_iou.sizes(), (std::vector<std::int64_t>{1, 1}));
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(at::allclose(one.logits[0][0], three.logits[0][i]));
  }
}

TEST_F(MaskDecoderTest, TakesADenseMaskForEveryCell) {
  const at::Tensor sparse = torch::randn({1, 2, kFeatures});
  const at::Tensor same = dense_.expand({1, kFeatures, 3, 3}).contiguous();
  const auto wanted = answer(sparse, Outputs::kSingle);
  dense_ = same;
  EXPECT_TRUE(at::allclose(answer(sparse, Outputs::kSingle).logits, wanted.logits));
  dense_ = same.clone();
  dense_[0].select(1, 0).add_(1);
  EXPECT_FALSE(at::allclose(answer(sparse, Outputs::kSingle).logits, wanted.logits));
}

}  // namespace
}  // namespace pcnet::sam
