#include "pcnet/freesolo/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/weights/state_dict.h"
#include "pcnet/weights/weight_file.h"

#include "support/temporary_folder.h"
#include "support/tiny_freesolo.h"

namespace pcnet::freesolo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Tensors = std::map<std::string, at::Tensor>;

class FreesoloWeights : public ::testing::Test {
 protected:
  std::filesystem::path write(const Tensors& tensors, const std::string& key = "model") {
    weights::TensorFile file;
    for (const auto& [name, tensor] : tensors) file.tensors.emplace_back(name, tensor);
    weights::PthLayout layout{.key = key, .numbers = {}, .empty = {}};
    if (!key.empty()) layout.numbers = {{"iteration", 30000}};
    weights::write_pth(folder_ / "solo.pth", file, layout);
    return folder_ / "solo.pth";
  }

  static Tensors released() {
    Tensors tensors = weights::tensors_of(*support::filled_freesolo(/*seed=*/1));
    for (auto& [name, tensor] : tensors) tensor = tensor.detach();
    tensors["_iter"] = torch::zeros({1});
    tensors["ins_head.emb_pred.weight"] = torch::zeros({5, 8, 3, 3});
    tensors["ins_head.emb_pred.bias"] = torch::zeros({5});
    return tensors;
  }

  support::TemporaryFolder folder_;
};

at::Tensor answer(Freesolo network) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(5);
  const auto output = network(torch::randn({1, 3, 64, 64}));
  return at::cat({output.mask_features.flatten(), output.cells.kernels[2].flatten(),
                  output.cells.logits[4].flatten()});
}

TEST_F(FreesoloWeights, AreReadFromACheckpointOrAStateDict) {
  const at::Tensor wanted = answer(support::filled_freesolo(/*seed=*/1));
  for (const char* key : {"model", ""}) {
    Freesolo network = support::filled_freesolo(/*seed=*/2);
    load_weights(*network, write(released(), key));
    EXPECT_TRUE(at::allclose(answer(network), wanted, 1e-4, 1e-4)) << key;
  }
}

TEST_F(FreesoloWeights, BecomeTheNetworksOwnType) {
  Tensors half = released();
  for (auto& [name, tensor] : half) tensor = tensor.to(at::kHalf);
  Freesolo network = support::filled_freesolo(/*seed=*/2);
  load_weights(*network, write(half));
  const at::Tensor bias = network->named_parameters()["ins_head.cate_pred.bias"];
  EXPECT_EQ(bias.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(bias, half.at("ins_head.cate_pred.bias").to(at::kFloat)));
}

TEST_F(FreesoloWeights, TellTheUserOnceThatTheyAreNotForCommercialUse) {
  Freesolo network = support::filled_freesolo(/*seed=*/2);
  const auto path = write(released());
  ::testing::internal::CaptureStderr();
  load_weights(*network, path);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, AllOf(HasSubstr(path.string()), HasSubstr("not for commercial use")));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST_F(FreesoloWeights, AreRefusedWithEveryFaultAndNothingIsCopied) {
  Tensors tensors = released();
  tensors.erase("backbone.bottom_up.stem.conv1.norm.running_var");
  tensors.erase("mask_head.conv_pred.1.bias");
  tensors["backbone.bottom_up.res6.0.conv1.weight"] = torch::zeros({1});
  tensors["ins_head.cate_pred.bias"] = torch::zeros({3});
  Freesolo network = support::filled_freesolo(/*seed=*/2);
  const at::Tensor before = answer(network);
  const auto path = write(tensors);
  EXPECT_THAT([&] { load_weights(*network, path); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr(path.string()),
                        HasSubstr("missing backbone.bottom_up.stem.conv1.norm.running_var"),
                        HasSubstr("missing mask_head.conv_pred.1.bias"),
                        HasSubstr("unexpected backbone.bottom_up.res6.0.conv1.weight"),
                        HasSubstr("ins_head.cate_pred.bias is [3], wanted [2]"))));
  EXPECT_TRUE(at::equal(answer(network), before));
}

TEST_F(FreesoloWeights, OfAnotherModelAreNamedAsWhatTheyAre) {
  Freesolo network = support::filled_freesolo();
  EXPECT_THAT(
      [&] {
        load_weights(*network, write({{"mask_decoder.x", torch::zeros({1})},
                                      {"image_encoder.pos_embed", torch::zeros({1})}}));
      },
      ThrowsMessage<core::Error>(AllOf(HasSubstr("holds no FreeSOLO"), HasSubstr("SAM"))));
  EXPECT_THAT(
      [&] {
        load_weights(*network, write({{"some.weight", torch::zeros({1})}}));
      },
      ThrowsMessage<core::Error>(AllOf(HasSubstr("holds no FreeSOLO"),
                                       HasSubstr("no model that is known"),
                                       HasSubstr(kKnownFiles))));
}

}  // namespace
}  // namespace pcnet::freesolo
