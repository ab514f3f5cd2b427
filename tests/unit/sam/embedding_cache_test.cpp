#include "pcnet/sam/embedding_cache.h"

#include <chrono>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/files.h"
#include "pcnet/core/log.h"
#include "pcnet/weights/safetensors.h"

#include "support/temporary_folder.h"
#include "support/tiny_sam.h"

namespace pcnet::sam {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::uint64_t kPlenty = 1 << 30;

image::Picture picture(std::uint8_t shade, std::int64_t height = 30, std::int64_t width = 50) {
  image::Picture made(height, width);
  for (std::size_t i = 0; i < made.rgb.size(); ++i) {
    made.rgb[i] = static_cast<std::uint8_t>(shade + 37 * i % 101);
  }
  return made;
}

class SamEmbeddings : public ::testing::Test {
 protected:
  SamEmbeddings() { core::log::set_level(core::log::Level::kQuiet); }
  ~SamEmbeddings() override { core::log::set_level(core::log::Level::kInfo); }

  fs::path place() const { return folder_ / "kept"; }
  std::set<fs::path> files() const {
    std::set<fs::path> all;
    for (const auto& entry : fs::directory_iterator(place())) all.insert(entry.path());
    return all;
  }
  fs::path only_file() const {
    EXPECT_EQ(files().size(), 1U);
    return *files().begin();
  }
  /// What the cache gives when the network would answer otherwise: the kept one, or a new one.
  bool is_kept(EmbeddingCache& cache, const image::Picture& picture) {
    Predictor other(support::lively_sam(support::tiny_sam(), 4));
    const Embedding given = cache.embed(other, picture);
    if (given.features.equal(predictor_.embed(picture).features)) return true;
    EXPECT_TRUE(given.features.equal(other.embed(picture).features));
    return false;
  }

  support::TemporaryFolder folder_;
  Predictor predictor_{support::lively_sam()};
};

TEST_F(SamEmbeddings, AreKeptForLaterCallsAndOtherProcesses) {
  const Embedding fresh = predictor_.embed(picture(1));
  EmbeddingCache cache(place(), "crc32:00000001", kPlenty);
  for (int call = 0; call < 2; ++call) {
    const Embedding given = cache.embed(predictor_, picture(1));
    EXPECT_TRUE(given.features.equal(fresh.features));
    EXPECT_EQ(given.frame.inner_height, fresh.frame.inner_height);
    EXPECT_EQ(given.frame.width, 50);
  }
  EmbeddingCache again(place(), "crc32:00000001", kPlenty);
  EXPECT_TRUE(is_kept(again, picture(1)));
  only_file();
}

TEST_F(SamEmbeddings, BelongToPixelsSizeAndWeights) {
  EmbeddingCache cache(place(), "crc32:00000001", kPlenty);
  cache.embed(predictor_, picture(1));
  EXPECT_FALSE(is_kept(cache, picture(2)));
  EXPECT_FALSE(is_kept(cache, picture(1, 50, 30)));  // the same bytes
  EmbeddingCache other(place(), "crc32:00000002", kPlenty);
  EXPECT_FALSE(is_kept(other, picture(1)));
  EXPECT_EQ(files().size(), 4U);
}

TEST_F(SamEmbeddings, AreMadeAnewWhereAFileIsDamagedOrSomethingElse) {
  EmbeddingCache cache(place(), "crc32:00000001", kPlenty);
  cache.embed(predictor_, picture(1));
  const fs::path path = only_file();
  const std::string whole = core::read_file(path);
  std::string flipped = whole;
  flipped[flipped.size() - 5] ^= 1;
  weights::TensorFile of_another = weights::read_safetensors(path);
  of_another.metadata["key"] = "of another image";
  weights::write_safetensors(folder_ / "another.safetensors", of_another);
  weights::TensorFile narrow = weights::read_safetensors(path);
  narrow.tensors[0].second = torch::zeros({1, 256, 2, 2});
  weights::write_safetensors(folder_ / "narrow.safetensors", narrow);
  const std::pair<std::string, const char*> faults[] = {
      {whole.substr(0, whole.size() / 2), path.c_str()},
      {flipped, "is damaged"},
      {"", path.c_str()},
      {"no safetensors", path.c_str()},
      {core::read_file(folder_ / "another.safetensors"), "is of another image or network"},
      {core::read_file(folder_ / "narrow.safetensors"), "is of another image or network"}};
  for (const auto& [bytes, said] : faults) {
    core::write_file_plain(path, bytes);
    core::log::set_level(core::log::Level::kInfo);
    testing::internal::CaptureStderr();
    cache.embed(predictor_, picture(1));
    const std::string log = testing::internal::GetCapturedStderr();
    core::log::set_level(core::log::Level::kQuiet);
    EXPECT_THAT(log, HasSubstr(said));
    EXPECT_THAT(log, HasSubstr("made anew"));
    EXPECT_EQ(core::read_file(path), whole);
  }
}

TEST_F(SamEmbeddings, OldestGoFirstAndOtherFilesStay) {
  fs::create_directories(place());
  core::write_file_plain(place() / "notes.safetensors", std::string(1 << 20, 'x'));
  const auto older = [&](int hours) {
    for (const auto& path : files()) {
      fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(hours));
    }
  };
  EmbeddingCache first(place(), "crc32:00000001", kPlenty);
  for (std::uint8_t i = 1; i <= 3; ++i) {
    older(1);
    first.embed(predictor_, picture(i));
  }
  std::uint64_t bytes = 0;  // of three
  for (const auto& path : files())
    bytes += path.filename() == "notes.safetensors" ? 0 : fs::file_size(path);
  older(1);
  EmbeddingCache bounded(place(), "crc32:00000001", bytes);
  bounded.embed(predictor_, picture(4));
  EXPECT_EQ(files().size(), 4U);
  EXPECT_TRUE(fs::exists(place() / "notes.safetensors"));
  EXPECT_TRUE(is_kept(bounded, picture(2)));
  EXPECT_TRUE(is_kept(bounded, picture(4)));
  EXPECT_FALSE(is_kept(bounded, picture(1)));  // and is now the newest
  EXPECT_FALSE(is_kept(bounded, picture(2)));
}

}  // namespace
}  // namespace pcnet::sam
