#include "pcnet/engine/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/weights/safetensors.h"

#include "support/temporary_folder.h"

namespace pcnet::engine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Checkpoint example() {
  Checkpoint checkpoint;
  checkpoint.model = {{"layer.weight", torch::arange(6, torch::kFloat).view({2, 3})},
                      {"steps", torch::tensor(7, torch::kInt64)}};
  checkpoint.optimizer = {{"exp_avg.layer.weight", torch::full({2, 3}, 0.5)}};
  checkpoint.config = {{"train", {{"batch_size", 3}}}, {"a", "\xc3\xa9"}};
  checkpoint.vocabulary = {"caf\xc3\xa9", "red"};
  checkpoint.state = {.step = 12,
                      .epoch = 2,
                      .best_score = 43.21,
                      .best_step = 10,
                      .validated_step = 11,
                      .last_score = 40.5,
                      .validations_without_better = 3,
                      .stopped_early = true,
                      .skipped_steps = 4,
                      .skipped_in_a_row = 2,
                      .finished = true};
  return checkpoint;
}

class CheckpointTest : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return folder_ / "x.safetensors"; }
  support::TemporaryFolder folder_;
};

TEST_F(CheckpointTest, HoldsEverythingAfterSavingAndLoading) {
  const Checkpoint saved = example();
  save_checkpoint(path(), saved);
  const Checkpoint loaded = load_checkpoint(path());
  ASSERT_EQ(loaded.model.size(), 2U);
  EXPECT_TRUE(at::equal(loaded.model.at("layer.weight"), saved.model.at("layer.weight")));
  EXPECT_TRUE(at::equal(loaded.model.at("steps"), saved.model.at("steps")));
  ASSERT_EQ(loaded.optimizer.size(), 1U);
  EXPECT_TRUE(at::equal(loaded.optimizer.at("exp_avg.layer.weight"), torch::full({2, 3}, 0.5)));
  EXPECT_EQ(loaded.config, saved.config);
  EXPECT_EQ(loaded.vocabulary, saved.vocabulary);
  EXPECT_EQ(loaded.state.step, 12);
  EXPECT_EQ(loaded.state.epoch, 2);
  EXPECT_EQ(loaded.state.best_score, 43.21);
  EXPECT_EQ(loaded.state.best_step, 10);
  EXPECT_EQ(loaded.state.validated_step, 11);
  EXPECT_EQ(loaded.state.last_score, 40.5);
  EXPECT_EQ(loaded.state.validations_without_better, 3);
  EXPECT_TRUE(loaded.state.stopped_early);
  EXPECT_EQ(loaded.state.skipped_steps, 4);
  EXPECT_EQ(loaded.state.skipped_in_a_row, 2);
  EXPECT_TRUE(loaded.state.finished);
}

TEST_F(CheckpointTest, IsAnErrorWhenItIsTornMissingOrEmpty) {
  save_checkpoint(path(), example());
  const std::string bytes = core::read_file(path());
  for (const std::size_t kept :
       {std::size_t{0}, std::size_t{4}, std::size_t{100}, bytes.size() - 1}) {
    core::write_file_plain(path(), bytes.substr(0, kept));
    EXPECT_THAT([&] { load_checkpoint(path()); },
                ThrowsMessage<core::Error>(HasSubstr(path().string())))
        << kept;
  }
  EXPECT_THAT([&] { load_checkpoint(folder_ / "none"); },
              ThrowsMessage<core::Error>(HasSubstr("none")));
}

TEST_F(CheckpointTest, IsAnErrorWhenAnyBitIsWrong) {
  save_checkpoint(path(), example());
  const std::string bytes = core::read_file(path());
  for (std::size_t at = 8; at < bytes.size(); at += 7) {
    std::string wrong = bytes;
    wrong[at] = static_cast<char>(wrong[at] ^ 4);
    core::write_file_plain(path(), wrong);
    EXPECT_THROW(load_checkpoint(path()), core::Error) << "byte " << at << " of " << bytes.size();
  }
}

TEST_F(CheckpointTest, SaysWhatIsWrongWithItsData) {
  save_checkpoint(path(), example());
  std::string bytes = core::read_file(path());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  core::write_file_plain(path(), bytes);
  EXPECT_THAT([&] { load_checkpoint(path()); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr(path().string()), HasSubstr("is damaged"),
                                               HasSubstr("wanted crc32:"))));
}

TEST_F(CheckpointTest, TakesAnOlderFileWithoutChecksumAndEnvironment) {
  save_checkpoint(path(), example());
  weights::TensorFile file = weights::read_safetensors(path());
  EXPECT_EQ(load_checkpoint(path()).environment.count("threads"), 1U);
  file.metadata.erase("checksum");
  file.metadata.erase("environment");
  weights::write_safetensors(folder_ / "old", file);
  const Checkpoint loaded = load_checkpoint(folder_ / "old");
  EXPECT_EQ(loaded.state.step, 12);
  EXPECT_TRUE(loaded.environment.empty());
}

TEST_F(CheckpointTest, IsAnErrorWhenItsMetadataIsNotOurs) {
  weights::TensorFile file;
  file.tensors.emplace_back("x", torch::zeros({1}));
  weights::write_safetensors(path(), file);
  EXPECT_THAT([&] { load_checkpoint(path()); },
              ThrowsMessage<core::Error>(
                  HasSubstr("is no checkpoint of a pcnet run: it is safetensors, layout unknown")));
  save_checkpoint(path(), example());
  file = weights::read_safetensors(path());
  for (const char* key : {"config", "vocabulary", "state"}) {
    weights::TensorFile broken = file;
    broken.metadata.erase("checksum");
    broken.metadata.erase("environment");
    broken.metadata[key] = "{";
    weights::write_safetensors(folder_ / "broken", broken);
    EXPECT_THAT([&] { load_checkpoint(folder_ / "broken"); },
                ThrowsMessage<core::Error>(
                    AllOf(HasSubstr("broken metadata"), HasSubstr((folder_ / "broken").string()))))
        << key;
  }
}

TEST_F(CheckpointTest, KeepsTheOldFileWhenTheNewOneCannotBeWritten) {
  save_checkpoint(path(), example());
  Checkpoint bad = example();
  bad.model["complex"] = torch::zeros({1}, torch::kComplexFloat);  // no type of the format
  EXPECT_THROW(save_checkpoint(path(), bad), core::Error);
  EXPECT_EQ(load_checkpoint(path()).state.step, 12);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

/// A linear layer and a batch norm: parameters and buffers.
struct NetImpl : torch::nn::Module {
  NetImpl() {
    linear = register_module("linear", torch::nn::Linear(3, 2));
    norm = register_module("norm", torch::nn::BatchNorm1d(2));
  }
  torch::nn::Linear linear = nullptr;
  torch::nn::BatchNorm1d norm = nullptr;
};

TEST(StateDict, HoldsParametersAndBuffersByName) {
  const NetImpl net;
  const auto state = state_dict(net);
  EXPECT_EQ(state.size(), 7U);
  EXPECT_TRUE(state.contains("linear.weight"));
  EXPECT_TRUE(state.contains("norm.running_var"));
  EXPECT_TRUE(state.contains("norm.num_batches_tracked"));
}

TEST(LoadStateDict, CopiesAllTensors) {
  NetImpl from;
  NetImpl to;
  from.norm->running_mean.fill_(4);
  load_state_dict(to, state_dict(from), "file");
  for (const auto& [name, tensor] : state_dict(from)) {
    EXPECT_TRUE(at::equal(state_dict(to).at(name), tensor)) << name;
  }
  EXPECT_TRUE(to.linear->weight.requires_grad());
  EXPECT_FALSE(to.linear->weight.is_same(from.linear->weight));
}

TEST(LoadStateDict, NamesMissingUnexpectedAndMismatchedTensors) {
  NetImpl net;
  const at::Tensor before = net.linear->weight.detach().clone();
  auto tensors = state_dict(NetImpl{});
  tensors.erase("norm.bias");
  tensors["stranger"] = torch::zeros({1});
  tensors["linear.bias"] = torch::zeros({9});
  EXPECT_THAT([&] { load_state_dict(net, tensors, "file.pth"); },
              ThrowsMessage<core::Error>(AllOf(
                  HasSubstr("file.pth"), HasSubstr("missing norm.bias"),
                  HasSubstr("unexpected stranger"), HasSubstr("linear.bias is [9], wanted [2]"))));
  EXPECT_TRUE(at::equal(net.linear->weight, before));  // nothing was copied
}

TEST(LoadStateDict, ListsFiveFaultsAndCountsTheOthers) {
  NetImpl net;
  EXPECT_THAT([&] { load_state_dict(net, {}, "file"); },
              ThrowsMessage<core::Error>(HasSubstr("and 1 more")));
}

TEST(LoadStateDict, NeitherWantsNorCopiesExceptedNames) {
  NetImpl from;
  NetImpl to;
  const at::Tensor before = to.linear->weight.detach().clone();
  auto tensors = state_dict(from);
  tensors.erase("norm.bias");
  tensors["extra"] = torch::zeros({1});
  load_state_dict(to, tensors, "file", {"linear.weight", "norm.bias", "extra"});
  EXPECT_TRUE(at::equal(to.linear->weight, before));
  EXPECT_TRUE(at::equal(to.linear->bias, from.linear->bias));
}

TEST(FindCheckpoint, PrefersTheBestOfARunFolder) {
  const support::TemporaryFolder folder;
  EXPECT_THAT([&] { find_checkpoint(folder.path()); },
              ThrowsMessage<core::Error>(HasSubstr("no checkpoint in the run folder")));
  std::filesystem::create_directories(folder / "checkpoints");
  core::write_file_plain(folder / "checkpoints/last.safetensors", "x");
  EXPECT_EQ(find_checkpoint(folder.path()), folder / "checkpoints/last.safetensors");
  core::write_file_plain(folder / "checkpoints/best.safetensors", "x");
  EXPECT_EQ(find_checkpoint(folder.path()), folder / "checkpoints/best.safetensors");
  EXPECT_EQ(find_checkpoint(folder / "checkpoints/last.safetensors"),
            folder / "checkpoints/last.safetensors");
  EXPECT_THAT([&] { find_checkpoint(folder / "none"); },
              ThrowsMessage<core::Error>(HasSubstr("none")));
}

}  // namespace
}  // namespace pcnet::engine
