#include "pcnet/data/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/log.h"
#include "pcnet/synth/benchmark.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/hand_dataset.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Positions = std::vector<std::size_t>;

TEST(EpochSampler, CoversEverySampleOnceAnEpoch) {
  EpochSampler sampler(12, 3, 7);
  ASSERT_EQ(sampler.steps_per_epoch(), 4);
  std::set<Positions> orders;
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    Positions seen;
    for (std::int64_t step = 4 * epoch; step < 4 * epoch + 4; ++step) {
      EXPECT_EQ(sampler.epoch_of(step), epoch);
      const Positions batch = sampler.samples_of(step);
      EXPECT_EQ(batch.size(), 3U);
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    orders.insert(seen);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (Positions{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  }
  EXPECT_EQ(orders.size(), 3U);  // an order of its own each
}

TEST(EpochSampler, LeavesOutALastSmallerBatchButNotTheOnlyOne) {
  EpochSampler sampler(11, 4, 0);
  EXPECT_EQ(sampler.steps_per_epoch(), 2);
  EXPECT_EQ(sampler.samples_of(3).size(), 4U);
  EpochSampler small(3, 8, 0);
  EXPECT_EQ(small.steps_per_epoch(), 1);
  Positions only = small.samples_of(5);
  std::sort(only.begin(), only.end());
  EXPECT_EQ(only, (Positions{0, 1, 2}));
  EXPECT_THROW(EpochSampler(0, 4, 0), core::Error);
}

TEST(EpochSampler, GivesAStepTheSameSamplesInAnyOrderOfAsking) {
  EpochSampler forwards(10, 3, 5);
  std::vector<Positions> steps;
  for (std::int64_t step = 0; step < 9; ++step) steps.push_back(forwards.samples_of(step));
  EpochSampler backwards(10, 3, 5);
  for (std::int64_t step = 8; step >= 0; --step) {
    EXPECT_EQ(backwards.samples_of(step), steps[static_cast<std::size_t>(step)]) << step;
  }
  EXPECT_NE(EpochSampler(10, 3, 6).samples_of(0), steps[0]);
}

class LoaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    core::log::set_level(core::log::Level::kQuiet);
    synth::write_benchmark(folder_ / "data", {.images = 8, .threads = 1});
    open();
  }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  void open() {
    samples_.reset();
    dataset_ = std::make_unique<Dataset>(support::options_for(folder_ / "data"));
    tokenizer_ = std::make_unique<text::WordTokenizer>(
        text::WordTokenizer::from_texts(dataset_->training_texts()));
    samples_ = std::make_unique<ReferringSamples>(*dataset_, *tokenizer_);
  }
  std::vector<Batch> batches(const Loader::Options& options) {
    Loader loader(*samples_, options);
    std::vector<Batch> made;
    for (std::int64_t step = options.first; step < options.last; ++step) {
      made.push_back(loader.next());
    }
    EXPECT_THROW(loader.next(), core::Error);
    return made;
  }
  static bool same(const Batch& a, const Batch& b) {
    return at::equal(a.images, b.images) && at::equal(a.tokens, b.tokens) &&
           at::equal(a.text_index, b.text_index);
  }

  support::TemporaryFolder folder_;
  std::unique_ptr<Dataset> dataset_;
  std::unique_ptr<text::WordTokenizer> tokenizer_;
  std::unique_ptr<ReferringSamples> samples_;
};

TEST_F(LoaderTest, MakesTheSameBatchesAheadAsWhenAsked) {
  const auto asked = batches({.batch_size = 4, .seed = 3, .first = 0, .last = 12, .prefetch = 0});
  const auto ahead = batches({.batch_size = 4, .seed = 3, .first = 0, .last = 12, .prefetch = 3});
  for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_TRUE(same(asked[i], ahead[i])) << i;
  EXPECT_FALSE(same(asked[0], asked[1]));
}

TEST_F(LoaderTest, GivesTheSameRestWhenItStartsInTheMiddle) {
  const auto whole = batches({.batch_size = 5, .seed = 1, .first = 0, .last = 10, .prefetch = 3});
  for (const std::int64_t prefetch : {0, 3}) {
    const auto rest =
        batches({.batch_size = 5, .seed = 1, .first = 6, .last = 10, .prefetch = prefetch});
    for (std::size_t i = 0; i < rest.size(); ++i) EXPECT_TRUE(same(rest[i], whole[i + 6])) << i;
  }
}

TEST_F(LoaderTest, ThrowsTheErrorOfABatchWhereItIsAskedFor) {
  for (const auto& entry : std::filesystem::directory_iterator(dataset_->files().images)) {
    core::write_file_plain(entry.path(), "no picture");
  }
  for (const std::int64_t prefetch : {0, 3}) {
    open();
    Loader loader(*samples_,
                  {.batch_size = 4, .seed = 0, .first = 0, .last = 9, .prefetch = prefetch});
    EXPECT_THAT([&] { loader.next(); }, ThrowsMessage<core::Error>(HasSubstr("image_id")));
    EXPECT_THROW(loader.next(), core::Error);
  }
}

TEST_F(LoaderTest, GivesTheGoodBatchesBeforeABadOne) {
  // The first step whose picture is in no earlier one will find it broken.
  EpochSampler sampler(samples_->size(), 1, 2);
  const auto& index = dataset_->index();
  const auto train = index.split("train");
  const auto image_of = [&](std::int64_t step) {
    return index.references()[train[sampler.samples_of(step)[0]]].image_id;
  };
  std::int64_t bad = 1;
  while (image_of(bad) == image_of(0)) ++bad;
  const auto good = batches({.batch_size = 1, .seed = 2, .first = 0, .last = bad, .prefetch = 0});
  core::write_file_plain(dataset_->files().images / index.image(image_of(bad)).file_name, "broken");
  open();
  Loader loader(*samples_, {.batch_size = 1, .seed = 2, .first = 0, .last = 99, .prefetch = 3});
  for (const Batch& batch : good) EXPECT_TRUE(same(loader.next(), batch));
  EXPECT_THROW(loader.next(), core::Error);
}

TEST_F(LoaderTest, EndsWithAFullQueue) {
  const Loader loader(*samples_,
                      {.batch_size = 4, .seed = 0, .first = 0, .last = 1000, .prefetch = 2});
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

/// Counts its draws, each of which takes a while.
class SlowSamples : public Samples {
 public:
  SlowSamples(Dataset& dataset, const text::WordTokenizer& tokenizer)
      : Samples(dataset, tokenizer),
        image_id_(dataset.index().images().front().image_id),
        text_(bank_.add(dataset.training_texts().front())) {}
  std::int64_t size() const override { return 4; }
  int drawn() const { return drawn_; }

 private:
  Draw draw(std::size_t, core::Rng&) const override {
    ++drawn_;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return {image_id_, {text_}};
  }
  std::int64_t image_id_;
  std::int64_t text_;
  mutable std::atomic<int> drawn_ = 0;
};

TEST_F(LoaderTest, MakesNoFurtherBatchesOnceItIsToEnd) {
  SlowSamples slow(*dataset_, *tokenizer_);
  {
    Loader loader(slow, {.batch_size = 1, .seed = 0, .first = 0, .last = 1000, .prefetch = 64});
    loader.next();
  }
  EXPECT_LT(slow.drawn(), 10);
}

}  // namespace
}  // namespace pcnet::data
