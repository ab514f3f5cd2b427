#include "pcnet/data/batches/loader.h"

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

using config::Negatives;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
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
    samples_ = std::make_unique<ReferringSamples>(
        *dataset_, *tokenizer_, ReferringSamples::Options{.cues = 5, .partners = 2});
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
           at::equal(a.text_index, b.text_index) && at::equal(a.cue_index, b.cue_index) &&
           at::equal(a.partner_index, b.partner_index) && at::equal(a.sent_ids, b.sent_ids) &&
           at::equal(a.partner_cue_index, b.partner_cue_index) &&
           at::equal(a.has_partner, b.has_partner);
  }

  support::TemporaryFolder folder_;
  std::unique_ptr<Dataset> dataset_;
  std::unique_ptr<text::WordTokenizer> tokenizer_;
  std::unique_ptr<ReferringSamples> samples_;
};

TEST_F(LoaderTest, MakesTheSameBatchesWithAnyNumberOfWorkers) {
  for (const auto negatives : {Negatives::kAny, Negatives::kDistinctImages}) {
    Loader::Options options{
        .batch_size = 4, .seed = 3, .first = 0, .last = 12, .prefetch = 0, .negatives = negatives};
    const auto asked = batches(options);
    EXPECT_FALSE(same(asked[0], asked[1]));
    for (const std::int64_t workers : {0, 1, 2, 7}) {
      for (const std::int64_t prefetch : {1, 3, 20}) {
        options.workers = workers;
        options.prefetch = prefetch;
        const auto ahead = batches(options);
        for (std::size_t i = 0; i < asked.size(); ++i) {
          EXPECT_TRUE(same(asked[i], ahead[i])) << i << ": " << workers << " " << prefetch;
        }
      }
    }
  }
}

TEST_F(LoaderTest, GivesTheSameRestWhenItStartsInTheMiddle) {
  for (const auto negatives : {Negatives::kAny, Negatives::kDistinctObjects}) {
    Loader::Options options{
        .batch_size = 5, .seed = 1, .first = 0, .last = 10, .prefetch = 3, .negatives = negatives};
    const auto whole = batches(options);
    options.first = 6;
    for (const std::int64_t workers : {0, 1, 3}) {
      options.workers = workers;
      const auto rest = batches(options);
      for (std::size_t i = 0; i < rest.size(); ++i) EXPECT_TRUE(same(rest[i], whole[i + 6])) << i;
    }
  }
}

TEST_F(LoaderTest, ThrowsTheErrorOfABatchWhereItIsAskedFor) {
  for (const auto& entry : std::filesystem::directory_iterator(dataset_->files().images)) {
    core::write_file_plain(entry.path(), "no image");
  }
  for (const std::int64_t workers : {0, 1, 3}) {
    open();
    Loader loader(
        *samples_,
        {.batch_size = 4, .seed = 0, .first = 0, .last = 9, .prefetch = 3, .workers = workers});
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
  for (const std::int64_t workers : {1, 4}) {
    open();
    Loader loader(
        *samples_,
        {.batch_size = 1, .seed = 2, .first = 0, .last = 99, .prefetch = 6, .workers = workers});
    for (const Batch& batch : good) EXPECT_TRUE(same(loader.next(), batch));
    EXPECT_THROW(loader.next(), core::Error);
    EXPECT_THROW(loader.next(), core::Error);
  }
}

TEST_F(LoaderTest, EndsWithAFullQueue) {
  const Loader loader(
      *samples_,
      {.batch_size = 4, .seed = 0, .first = 0, .last = 1000, .prefetch = 2, .workers = 3});
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
    Loader loader(
        slow, {.batch_size = 1, .seed = 0, .first = 0, .last = 1000, .prefetch = 64, .workers = 2});
    loader.next();
  }
  EXPECT_LT(slow.drawn(), 20);
}

TEST_F(LoaderTest, MakesNoMoreThanAsManyAheadAsAskedFor) {
  SlowSamples slow(*dataset_, *tokenizer_);
  Loader loader(
      slow, {.batch_size = 1, .seed = 0, .first = 0, .last = 1000, .prefetch = 2, .workers = 4});
  loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(slow.drawn(), 3);  // the one given and two ahead
}

}  // namespace
}  // namespace pcnet::data
