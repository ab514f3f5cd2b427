#include "pcnet/sam/prompt_encoder.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

namespace pcnet::sam {
namespace {

constexpr std::int64_t kSide = 32;  // a grid of 2 x 2 cells

class PromptEncoderTest : public ::testing::Test {
 protected:
  PromptEncoderTest() {
    torch::manual_seed(4);
    for (auto& parameter : encoder_->parameters()) parameter.normal_(0, 0.5);
    encoder_->to(torch::kDouble);
  }

  at::Tensor parameter(const std::string& name) { return encoder_->named_parameters()[name]; }
  at::Tensor vector(const std::string& name) { return parameter(name + ".weight")[0]; }

  /// The code of a place in shares of the square, number by number.
  at::Tensor code(double x, double y) {
    const at::Tensor directions =
        encoder_->named_buffers()["pe_layer.positional_encoding_gaussian_matrix"];
    at::Tensor out = torch::empty({kFeatures}, torch::kDouble);
    for (std::int64_t i = 0; i < kFeatures / 2; ++i) {
      const double angle = 2 * std::numbers::pi *
                           ((2 * x - 1) * directions[0][i].item<double>() +
                            (2 * y - 1) * directions[1][i].item<double>());
      out[i] = std::sin(angle);
      out[kFeatures / 2 + i] = std::cos(angle);
    }
    return out;
  }
  /// Of a pixel, whose middle is at half.
  at::Tensor pixel_code(double x, double y) { return code((x + 0.5) / kSide, (y + 0.5) / kSide); }

  static void expect_close(const at::Tensor& got, const at::Tensor& wanted) {
    EXPECT_TRUE(at::allclose(got, wanted, 0, 1e-12)) << got << wanted;
  }

  torch::NoGradGuard no_grad_;
  PromptEncoder encoder_{kSide};
};

at::Tensor points(std::vector<double> numbers) {
  return torch::tensor(numbers, torch::kDouble).view({1, -1, 2});
}
at::Tensor labels(std::vector<std::int64_t> numbers) {
  return torch::tensor(numbers, torch::kLong).view({1, -1});
}
Prompts points_with(const at::Tensor& places, const at::Tensor& of, const at::Tensor& boxes = {}) {
  return {.points = places, .labels = of, .boxes = boxes, .masks = {}};
}
Prompts mask_of(const at::Tensor& masks) {
  return {.points = {}, .labels = {}, .boxes = {}, .masks = masks};
}

TEST_F(PromptEncoderTest, CodesPointsByTheirLabels) {
  const at::Tensor sparse =
      encoder_->sparse(points_with(points({3, 20.5, 31, 0, 7, 7}), labels({1, 0, -1})));
  ASSERT_EQ(sparse.sizes(), (std::vector<std::int64_t>{1, 4, kFeatures}));
  expect_close(sparse[0][0], pixel_code(3, 20.5) + vector("point_embeddings.1"));
  expect_close(sparse[0][1], pixel_code(31, 0) + vector("point_embeddings.0"));
  expect_close(sparse[0][2], vector("not_a_point_embed"));  // where it lies does not matter
  expect_close(sparse[0][3], vector("not_a_point_embed"));  // stands where a box would
}

TEST_F(PromptEncoderTest, CodesABoxByItsCornersInsteadOfPadding) {
  const at::Tensor box = torch::tensor({{1.0, 2.0, 30.0, 17.0}}, torch::kDouble);
  const at::Tensor alone = encoder_->sparse(points_with({}, {}, box));
  ASSERT_EQ(alone.sizes(), (std::vector<std::int64_t>{1, 2, kFeatures}));
  expect_close(alone[0][0], pixel_code(1, 2) + vector("point_embeddings.2"));
  expect_close(alone[0][1], pixel_code(30, 17) + vector("point_embeddings.3"));
  const at::Tensor both = encoder_->sparse(points_with(points({4, 5}), labels({1}), box));
  ASSERT_EQ(both.size(1), 3);
  expect_close(both[0][0], pixel_code(4, 5) + vector("point_embeddings.1"));
  expect_close(both[0].slice(0, 1), alone[0]);
}

TEST_F(PromptEncoderTest, KeepsPromptsApart) {
  const at::Tensor two = at::cat({points({3, 4}), points({9, 1})});
  const at::Tensor together = encoder_->sparse(points_with(two, labels({1, 1}).view({2, 1})));
  ASSERT_EQ(together.size(0), 2);
  for (std::int64_t i = 0; i < 2; ++i) {
    expect_close(together[i],
                 encoder_->sparse(points_with(two.slice(0, i, i + 1), labels({1})))[0]);
  }
}

TEST_F(PromptEncoderTest, CodesTheMiddleOfEveryCell) {
  const at::Tensor places = encoder_->grid_places();
  ASSERT_EQ(places.sizes(), (std::vector<std::int64_t>{kFeatures, 2, 2}));
  for (std::int64_t row = 0; row < 2; ++row) {
    for (std::int64_t column = 0; column < 2; ++column) {
      expect_close(
          places.select(2, column).select(1, row),
          code((static_cast<double>(column) + 0.5) / 2, (static_cast<double>(row) + 0.5) / 2));
    }
  }
}

/// A convolution of 2 x 2 pixels that do not overlap, or of single pixels: x [C, H, W].
at::Tensor naive_convolution(const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& bias) {
  const std::int64_t side = weight.size(2);
  const std::int64_t height = x.size(1) / side;
  const std::int64_t width = x.size(2) / side;
  at::Tensor out = torch::empty({weight.size(0), height, width}, x.options());
  for (std::int64_t c = 0; c < weight.size(0); ++c) {
    for (std::int64_t i = 0; i < height; ++i) {
      for (std::int64_t j = 0; j < width; ++j) {
        const at::Tensor seen =
            x.slice(1, side * i, side * (i + 1)).slice(2, side * j, side * (j + 1));
        out[c][i][j] = (seen * weight[c]).sum() + bias[c];
      }
    }
  }
  return out;
}

/// A layer norm over the channels of each pixel, and GELU.
at::Tensor naive_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  constexpr double kEpsilon = 1e-6;
  at::Tensor out = torch::empty_like(x);
  for (std::int64_t i = 0; i < x.size(1); ++i) {
    for (std::int64_t j = 0; j < x.size(2); ++j) {
      const at::Tensor pixel = x.select(2, j).select(1, i);
      const at::Tensor centred = pixel - pixel.mean();
      out.select(2, j).select(1, i).copy_(
          centred / (centred.square().mean() + kEpsilon).sqrt() * weight + bias);
    }
  }
  return out * (1 + (out / std::sqrt(2.0)).erf()) / 2;
}

TEST_F(PromptEncoderTest, ShrinksAMaskToTheGrid) {
  const at::Tensor masks = torch::randn({2, 1, 8, 8}, torch::kDouble);
  const at::Tensor dense = encoder_->dense(mask_of(masks));
  ASSERT_EQ(dense.sizes(), (std::vector<std::int64_t>{2, kFeatures, 2, 2}));
  const auto part = [&](int number, const char* what) {
    return parameter("mask_downscaling." + std::to_string(number) + "." + what);
  };
  for (std::int64_t i = 0; i < 2; ++i) {
    at::Tensor x = masks[i];
    for (const int number : {0, 3}) {
      x = naive_convolution(x, part(number, "weight"), part(number, "bias"));
      x = naive_norm(x, part(number + 1, "weight"), part(number + 1, "bias"));
    }
    expect_close(dense[i], naive_convolution(x, part(6, "weight"), part(6, "bias")));
  }
}

TEST_F(PromptEncoderTest, HasOneVectorForNoMask) {
  const at::Tensor dense = encoder_->dense(points_with(points({3, 4}), labels({1})));
  ASSERT_EQ(dense.sizes(), (std::vector<std::int64_t>{1, kFeatures, 1, 1}));
  expect_close(dense.flatten(), vector("no_mask_embed"));
}

TEST_F(PromptEncoderTest, GivesNoVectorsForAMaskAlone) {
  const at::Tensor masks = torch::zeros({3, 1, 8, 8}, torch::kDouble);
  EXPECT_EQ(encoder_->sparse(mask_of(masks)).sizes(), (std::vector<std::int64_t>{3, 0, kFeatures}));
  EXPECT_THROW(encoder_->sparse(mask_of({})), core::Error);
}

}  // namespace
}  // namespace pcnet::sam
