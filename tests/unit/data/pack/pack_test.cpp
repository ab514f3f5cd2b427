#include "pcnet/data/pack/pack.h"

#include <algorithm>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/log.h"
#include "pcnet/data/batches/samples.h"
#include "pcnet/data/export/packing.h"
#include "pcnet/data/proposals/proposal_grid.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/hand_dataset.h"
#include "support/png_bytes.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

/// An L in two overlapping polygons, so that the two ground-truth rules differ.
constexpr const char* kOverlapping =
    R"("segmentation":[[2,2,20,2,20,10,2,10],[2,2,10,2,10,20,2,20]])";

class PackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    core::log::set_level(core::log::Level::kQuiet);
    for (const auto& image : hand_.images) {
      hand_.proposals[image.id] = {
          support::rectangle_mask(image.height, image.width, {0, 0, 12, 12}),
          support::rectangle_mask(image.height, image.width, {4, 4, 20, 8})};
    }
    hand_.proposals.erase(hand_.images.back().id);  // a picture without any
    hand_.write(folder_.path());
    options_ = support::options_for(folder_.path());
  }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  std::unique_ptr<const text::Tokenizer> tokenizer(Dataset& dataset) const {
    return std::make_unique<text::WordTokenizer>(
        text::WordTokenizer::from_texts(dataset.training_texts()));
  }
  PackSummary pack(int threads = 2) const {
    Dataset dataset(options_);
    const auto words = tokenizer(dataset);
    const PackKey key = make_pack_key(dataset.files(), options_, *words, kGrid);
    return write_pack(dataset, *words, key, {.out = file_, .grid = kGrid, .threads = threads});
  }
  config::DataOptions packed_options() const {
    config::DataOptions options = options_;
    options.root.clear();
    options.pack = file_.string();
    return options;
  }
  void edit(const std::filesystem::path& path,
            const std::function<void(std::string&)>& change) const {
    std::string text = core::read_file(path);
    change(text);
    core::write_file(path, text);
  }

  static constexpr GridStore::Options kGrid{.height = 4, .width = 4, .most = 3};
  support::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "toy.pack";
  support::HandDataset hand_ = support::small_dataset();
  config::DataOptions options_;
};

TEST_F(PackTest, HoldsTheSameAnnotations) {
  const PackSummary summary = pack();
  Dataset files(options_);
  Dataset packed(packed_options());
  const ReferIndex& a = files.index();
  const ReferIndex& b = packed.index();
  EXPECT_EQ(summary.references, static_cast<std::int64_t>(a.references().size()));
  ASSERT_EQ(a.references().size(), b.references().size());
  for (std::size_t i = 0; i < a.references().size(); ++i) {
    const Reference& one = a.references()[i];
    const Reference& other = b.references()[i];
    EXPECT_EQ(one.ref_id, other.ref_id);
    EXPECT_EQ(one.ann_id, other.ann_id);
    EXPECT_EQ(one.image_id, other.image_id);
    EXPECT_EQ(one.split, other.split);
    ASSERT_EQ(one.sentences.size(), other.sentences.size());
    for (std::size_t k = 0; k < one.sentences.size(); ++k) {
      EXPECT_EQ(one.sentences[k].sent_id, other.sentences[k].sent_id);
      EXPECT_EQ(one.sentences[k].text, other.sentences[k].text);
      EXPECT_EQ(one.sentences[k].kind, other.sentences[k].kind);
    }
  }
  ASSERT_EQ(a.annotations().size(), b.annotations().size());
  for (std::size_t i = 0; i < a.annotations().size(); ++i) {
    EXPECT_EQ(a.annotations()[i].ann_id, b.annotations()[i].ann_id);
    EXPECT_EQ(a.annotations()[i].box, b.annotations()[i].box);
    EXPECT_EQ(a.mask(a.annotations()[i]), b.mask(b.annotations()[i]));
  }
  EXPECT_EQ(a.annotations_of(10), b.annotations_of(10));
}

TEST_F(PackTest, HoldsTheMasksOfBothRules) {
  edit(folder_ / "toy/instances.json", [](std::string& text) {
    const auto begin = text.find("\"segmentation\"");
    text.replace(begin, text.find('}', begin) + 1 - begin, kOverlapping);
  });
  pack();
  const Dataset files(options_);
  const Dataset packed(packed_options());
  const Annotation& one = files.index().annotations().front();
  const Annotation& other = packed.index().annotations().front();
  ASSERT_EQ(one.polygons.size(), 2U);
  for (const auto rule : {GroundTruth::kUnion, GroundTruth::kExclusive}) {
    EXPECT_EQ(files.index().mask(one, rule), packed.index().mask(other, rule));
  }
  EXPECT_NE(packed.index().mask(other, GroundTruth::kUnion),
            packed.index().mask(other, GroundTruth::kExclusive));
}

TEST_F(PackTest, KeepsInMindWhichOutlinesWereBroken) {
  edit(folder_ / "toy/instances.json", [](std::string& text) {
    const auto begin = text.find("\"segmentation\"");
    text.replace(begin, text.find('}', begin) + 1 - begin, "\"segmentation\":[[1,2]]");
  });
  EXPECT_THROW(pack(), core::Error);
  options_.on_bad_annotation = "skip";
  pack();
  const Dataset packed(packed_options());
  EXPECT_THAT(packed.index().damaged(), ::testing::SizeIs(1));
  EXPECT_EQ(packed.index().damaged().front()->ann_id,
            Dataset(options_).index().damaged().front()->ann_id);
  EXPECT_FALSE(packed.index().annotations().front().crowd);
  options_.on_bad_annotation = "error";
  EXPECT_THAT([&] { Dataset{packed_options()}; },
              ThrowsMessage<core::Error>(HasSubstr("data.on_bad_annotation=skip")));
}

TEST_F(PackTest, ComparesTheBoundOfScoresWhereProposalsHaveScores) {
  pack();
  auto options = packed_options();
  options.proposal_filter.score = 0.5;
  EXPECT_EQ(Dataset(options).index().references().size(), 4U);  // a .jsonl has none
}

TEST_F(PackTest, HoldsTheSamePicturesTextsAndProposals) {
  pack();
  Dataset files(options_);
  Dataset packed(packed_options());
  EXPECT_EQ(files.training_texts(), packed.training_texts());
  EXPECT_EQ(files.captions(), packed.captions());
  for (const auto& image : files.index().images()) {
    const std::int64_t id = image.image_id;
    EXPECT_TRUE(files.pictures().get(id)->equal(*packed.pictures().get(id)));
    EXPECT_EQ(files.proposals().has(id), packed.proposals().has(id));
    if (!files.proposals().has(id)) continue;
    EXPECT_EQ(*files.proposals().of(id), *packed.proposals().of(id));
    EXPECT_TRUE(Pack(file_).grid_of(id).equal(
        to_grid(*files.proposals().of(id), kGrid.height, kGrid.width, kGrid.most)));
  }
  for (const auto& reference : files.index().references()) {
    for (const auto& sentence : reference.sentences) {
      const auto* a = files.cues().find(sentence.sent_id);
      const auto* b = packed.cues().find(sentence.sent_id);
      ASSERT_EQ(a == nullptr, b == nullptr);
      if (a != nullptr) EXPECT_EQ(*a, *b);
    }
  }
}

TEST_F(PackTest, GivesTheSameBatches) {
  pack();
  Dataset files(options_);
  Dataset packed(packed_options());
  const auto words = tokenizer(files);
  const auto packed_words = packed.with_ready_tokens(tokenizer(packed));
  const ReferringSamples::Options wanted{.cues = 2, .partners = 1, .grid = kGrid};
  ReferringSamples from_files(files, *words, wanted);
  ReferringSamples from_pack(packed, *packed_words, wanted);
  ASSERT_EQ(from_files.size(), from_pack.size());
  std::vector<std::size_t> all(static_cast<std::size_t>(from_files.size()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    const Batch a = from_files.batch(all, /*seed=*/5, epoch);
    const Batch b = from_pack.batch(all, /*seed=*/5, epoch);
    EXPECT_TRUE(a.images.equal(b.images));
    EXPECT_TRUE(a.tokens.equal(b.tokens));
    EXPECT_TRUE(a.text_index.equal(b.text_index));
    EXPECT_TRUE(a.cue_index.equal(b.cue_index));
    EXPECT_TRUE(a.partner_index.equal(b.partner_index));
    EXPECT_TRUE(a.proposals.equal(b.proposals));
    EXPECT_TRUE(a.sent_ids.equal(b.sent_ids));
  }
}

TEST_F(PackTest, TakesKnownTokensFromThePackAndMakesOthers) {
  pack();
  Dataset packed(packed_options());
  const auto words = tokenizer(packed);
  const Pack pack(file_);
  const PackedTokenizer tokens(tokenizer(packed), pack);
  ASSERT_TRUE(pack.tokens_of("the red cup"));
  EXPECT_FALSE(pack.tokens_of("the red plate"));
  for (const char* text : {"the red cup", "the red plate"}) {
    for (const std::int64_t length : {options_.text_length, options_.text_length - 1}) {
      const auto a = words->encode(text, length);
      const auto b = tokens.encode(text, length);
      EXPECT_EQ(a.ids, b.ids);
      EXPECT_EQ(a.words, b.words);
      EXPECT_EQ(a.cut, b.cut);
    }
  }
}

TEST_F(PackTest, RefusesAnotherVocabulary) {
  pack();
  const Dataset packed(packed_options());
  EXPECT_THAT(
      [&] {
        packed.with_ready_tokens(
            std::make_unique<text::WordTokenizer>(std::vector<std::string>{"cup", "red"}));
      },
      ThrowsMessage<core::Error>(HasSubstr("its tokens are of")));
}

TEST_F(PackTest, RefusesAnotherGrid) {
  pack();
  Dataset packed(packed_options());
  GridStore::Options other = kGrid;
  other.width = 5;
  EXPECT_THAT([&] { packed.ready_grids(other); },
              ThrowsMessage<core::Error>(HasSubstr("on a grid of 4 x 4")));
  other.nearest = true;  // not what packs hold: made from the proposals
  GridStore grids(packed.proposals(), other, packed.ready_grids(other));
  EXPECT_TRUE(grids.get(10).equal(to_grid_nearest(*packed.proposals().of(10), 4, 5, kGrid.most)));
}

TEST_F(PackTest, NamesEverySettingThatDiffers) {
  pack();
  config::DataOptions options = packed_options();
  options.exif = "turned";
  options.image_size = 64;
  options.truncate = "cut";
  options.proposal_filter.most = 7;
  EXPECT_THAT([&] { const Dataset dataset(options); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr("data.exif is turned, the pack was made with stored"),
                        HasSubstr("data.image_size is 64, the pack was made with 32"),
                        HasSubstr("data.truncate is cut, the pack was made with keep_end"),
                        HasSubstr("data.proposal_filter.most is 7"))));
}

TEST_F(PackTest, HoldsTurnedPicturesWhereTheyAreTurned) {
  image::Picture stored(32, 32);
  stored.pixel(0, 0)[0] = 200;  // seen at the lower right
  core::write_file_plain(folder_ / "train2014/10.png",
                         support::with_orientation(image::encode_png_stored(stored), 3));
  options_.exif = "turned";
  pack();
  Dataset packed(packed_options());
  EXPECT_TRUE(packed.files().apply_exif);
  EXPECT_EQ((*packed.pictures().get(10))[0][31][31].item<int>(), 200);
  // auto: a tree's pictures are read as stored
  for (const auto exif : {config::Exif::kAuto, config::Exif::kStored}) {
    options_.exif = exif;
    EXPECT_THAT([&] { const Dataset dataset(packed_options()); },
                ThrowsMessage<core::Error>(
                    HasSubstr("data.exif is stored, the pack was made with turned")));
  }
}

TEST_F(PackTest, TakesThatCustomPicturesAreTurnedForGranted) {
  std::filesystem::create_directories(folder_ / "own");
  core::write_file_plain(folder_ / "own/a.png", image::encode_png_stored(image::Picture(32, 32)));
  core::write_file_plain(folder_ / "own/annotations.jsonl",
                         R"({"image": "a.png", "sentence": "a", "cues": ["b"]})");
  options_ = support::options_for(folder_ / "own");
  pack();
  EXPECT_TRUE(Dataset(packed_options()).files().apply_exif);
  options_.exif = "stored";
  EXPECT_THROW(const Dataset dataset(packed_options()), core::Error);
}

TEST_F(PackTest, IsStaleWhenASourceChangedAndNotWhenItWasTouched) {
  pack();
  config::DataOptions both = options_;
  both.pack = file_.string();
  const auto cues = folder_ / "toy/cues.jsonl";
  std::filesystem::last_write_time(
      cues, std::filesystem::last_write_time(cues) + std::chrono::seconds(10));
  EXPECT_NO_THROW(const Dataset dataset(both));
  edit(cues, [](std::string& text) { text[text.find("glass")] = 'c'; });  // as many bytes
  EXPECT_THAT([&] { const Dataset dataset(both); },
              ThrowsMessage<core::Error>(HasSubstr("cues.jsonl are not those that were packed")));
  std::filesystem::remove(cues);
  EXPECT_THAT([&] { const Dataset dataset(both); },
              ThrowsMessage<core::Error>(HasSubstr("the dataset has no cues")));
}

TEST_F(PackTest, GoesOnWhereAStoppedRunWas) {
  const PackSummary whole = pack(/*threads=*/1);
  const std::string bytes = core::read_file(file_);
  const auto partial = folder_ / "toy.pack.partial";
  std::filesystem::rename(file_, partial);
  edit(partial, [](std::string& text) {
    text.replace(0, 8, "PCNETPRT");
    text.resize(text.size() - 10);  // the last section is not whole
    const auto first_picture =
        text.find(std::string(90, '\n'));  // image_id 10 is grey 10, a line break
    text[first_picture + 40] = 7;          // nor is a picture
  });
  const PackSummary again = pack();
  EXPECT_EQ(whole.taken_over, 0);
  EXPECT_EQ(again.taken_over, whole.pictures - 1);
  EXPECT_EQ(core::read_file(file_), bytes);
  EXPECT_FALSE(std::filesystem::exists(partial));
}

TEST_F(PackTest, KeepsWhatAPictureThatCannotBeReadIs) {
  const auto picture = folder_ / "train2014/10.png";
  core::write_file(picture, "no image");
  EXPECT_THAT([&] { pack(); }, ThrowsMessage<core::Error>(HasSubstr("image_id 10")));
  options_.on_bad_image = "skip";
  EXPECT_EQ(pack().unreadable, 1);
  config::DataOptions options = packed_options();
  Dataset packed(options);
  EXPECT_FALSE(packed.pictures().get(10));
  EXPECT_EQ(packed.pictures().skipped(), 1);
  options.on_bad_image = "error";
  Dataset strict(options);
  EXPECT_THAT([&] { strict.pictures().get(10); },
              ThrowsMessage<core::Error>(HasSubstr("image_id 10: it could not be read when")));
}

TEST_F(PackTest, FindsAPictureThatWasDamagedWhenItIsRead) {
  pack();
  edit(file_, [](std::string& text) { text[text.find(std::string(90, '\n')) + 40] = 7; });
  Dataset packed(packed_options());
  EXPECT_NO_THROW((void)packed.pictures().get(11));
  EXPECT_THAT([&] { packed.pictures().get(10); },
              ThrowsMessage<core::Error>(HasSubstr("image_id 10: its image is damaged")));
  EXPECT_THAT([&] { Pack(file_).verify(10); }, ThrowsMessage<core::Error>(HasSubstr("damaged")));
}

TEST_F(PackTest, RefusesWhatIsNoWholePack) {
  pack();
  const std::string bytes = core::read_file(file_);
  const auto refuse = [&](const std::string& text, const char* why) {
    core::write_file(file_, text);
    EXPECT_THAT([&] { const Pack opened(file_); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("toy.pack"), HasSubstr(why))));
  };
  refuse("", "it is no pack");
  refuse("{}", "it is no pack");
  refuse("PCNETPRT" + bytes.substr(8), "it is not finished");
  refuse(bytes.substr(0, 100), "it is cut short");
  refuse(bytes.substr(0, bytes.size() - 1), "it is cut short");
  std::string changed = bytes;
  changed[8] = 9;
  refuse(changed, "it is of format 9");
  changed[8] = 1;  // its pictures were resized with another rounding
  refuse(changed, "make it again with `pcnet data pack --replace`");
  changed = bytes;
  changed[20] = static_cast<char>(changed[20] ^ 1);
  refuse(changed, "its header is damaged");
  changed = bytes;
  changed[4096] = '[';
  refuse(changed, "its section of key is damaged");
  changed = bytes;
  const auto text = changed.rfind("the red cup");
  changed[text] = 'T';
  refuse(changed, "its section of texts is damaged");
}

TEST_F(PackTest, NeverCrashesOnAFlippedByte) {
  pack();
  const std::string bytes = core::read_file(file_);
  std::int64_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 97) {
    auto changed = std::make_shared<std::string>(bytes);
    (*changed)[at] = static_cast<char>((*changed)[at] ^ 0x55);
    try {
      const Pack opened(changed, *changed, "flipped");
      for (const auto& image : opened.index().images()) opened.verify(image.image_id);
    } catch (const core::Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 50);
}

TEST_F(PackTest, IsNotMadeStaleByHiddenFilesOfItsFolders) {
  const auto folder = folder_ / "sam";
  std::filesystem::create_directories(folder / "10");
  core::write_file(folder / "10/0.png", "x");
  options_.proposals = folder.string();
  const Dataset dataset(options_, Pictures::kUnused);
  const text::WordTokenizer words({"a"});
  const auto key = [&] { return make_pack_key(dataset.files(), options_, words, kGrid); };
  const SourceRecord before = key().sources.at("proposals");
  core::write_file(folder / ".DS_Store", "x");
  std::filesystem::create_directories(folder / ".hidden");
  core::write_file(folder / ".hidden/1.png", "x");
  core::write_file(folder / "10/._0.png", "x");
  EXPECT_EQ(key().sources.at("proposals").checksum, before.checksum);
  core::write_file(folder / "10/1.png", "x");
  EXPECT_NE(key().sources.at("proposals").checksum, before.checksum);
}

TEST_F(PackTest, SaysWhatIsStaleBeforeItIsMadeAgain) {
  pack();
  options_.cache = "none";
  Dataset dataset(options_);
  const auto words = tokenizer(dataset);
  PackKey key = make_pack_key(dataset.files(), options_, *words, kGrid);
  const Pack packed(file_);
  EXPECT_THAT(stale_reasons(packed, key, dataset), IsEmpty());
  const auto picture = folder_ / "train2014/11.png";
  std::filesystem::last_write_time(
      picture, std::filesystem::last_write_time(picture) + std::chrono::seconds(10));
  EXPECT_THAT(stale_reasons(packed, key, dataset), IsEmpty());  // touched, but the same pixels
  core::write_file(picture, core::read_file(folder_ / "train2014/12.png"));
  EXPECT_THAT(stale_reasons(packed, key, dataset), ElementsAre(HasSubstr("1 image of")));
  key.vocabulary = "other";
  key.image_size = 64;
  EXPECT_THAT(stale_reasons(packed, key, dataset),
              ElementsAre(HasSubstr("data.image_size"), HasSubstr("the vocabulary is other")));
}

TEST_F(PackTest, LeavesOutPicturesThatNothingRefersTo) {
  hand_.images.push_back({50, 32, 32});
  hand_.write(folder_.path());
  const PackSummary summary = pack();
  EXPECT_EQ(summary.unused, 1);
  EXPECT_EQ(summary.pictures, static_cast<std::int64_t>(hand_.images.size()) - 1);
}

TEST_F(PackTest, WithoutSideFilesNamesTheMissingOne) {
  hand_.cues.clear();
  hand_.captions.clear();
  hand_.proposals.clear();
  for (const char* name : {"cues.jsonl", "captions.jsonl", "proposals.jsonl"}) {
    std::filesystem::remove(folder_ / "toy" / name);
  }
  hand_.write(folder_.path());
  pack();
  Dataset packed(packed_options());
  EXPECT_FALSE(packed.has_cues() || packed.has_captions() || packed.has_proposals());
  EXPECT_THAT([&] { packed.cues(); }, ThrowsMessage<core::Error>(HasSubstr("holds no cues")));
  EXPECT_THAT([&] { packed.proposals(); },
              ThrowsMessage<core::Error>(HasSubstr("holds no proposals")));
}

}  // namespace
}  // namespace pcnet::data
