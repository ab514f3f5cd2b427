#include "pcnet/data/proposals/proposal_store.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/parallel.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/proposals/proposal_formats.h"
#include "pcnet/data/sources/coverage.h"
#include "pcnet/image/picture.h"
#include "pcnet/weights/npy.h"

#include "support/hand_dataset.h"
#include "support/png_bytes.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using support::Rectangle;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

image::Rle mask(const Rectangle& r) {
  return image::encode(support::rectangle_mask(32, 32, r));  // as picture 10
}

std::string json_of(const image::Rle& rle) {
  return "{\"size\": [" + std::to_string(rle.height) + ", " + std::to_string(rle.width) +
         "], \"counts\": \"" + image::to_coco_string(rle) + "\"}";
}

std::string sam_entry(const image::Rle& rle, double iou = 0.9) {
  return "{\"segmentation\": " + json_of(rle) + ", \"predicted_iou\": " + std::to_string(iou) +
         ", \"stability_score\": 0.9}";
}

class ProposalStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    support::small_dataset().write(folder_ / "data");
    index_ = ReferIndex::load(locate_dataset(support::options_for(folder_ / "data")));
    options_.filter.min_area = 10;
  }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    core::write_file_plain(folder_ / name, text);
    return folder_ / name;
  }
  ProposalStore open(const std::string& name) const { return {folder_ / name, index_, options_}; }
  void expect_fault(const std::function<void()>& work, const std::string& where,
                    const std::string& what) const {
    EXPECT_THAT(work, ThrowsMessage<core::Error>(AllOf(HasSubstr(where), HasSubstr(what))));
  }

  support::TemporaryFolder folder_;
  ReferIndex index_;
  ProposalStore::Options options_;
  image::Rle small_ = mask({0, 0, 5, 2});
  image::Rle large_ = mask({10, 10, 8, 8});
};

TEST_F(ProposalStoreTest, ReadsOurLinesUnfiltered) {
  const image::Rle tiny = mask({0, 0, 1, 1});
  write("p.jsonl", "{\"image_id\": 12, \"proposals\": []}\n\n{\"proposals\": [{\"segmentation\": " +
                       json_of(tiny) + "}, {\"segmentation\": " + json_of(large_) +
                       "}], \"image_id\": 10}\n");
  const ProposalStore store = open("p.jsonl");
  EXPECT_THAT(*store.of(10), ElementsAre(tiny, large_));
  EXPECT_THAT(*store.of(12), IsEmpty());
  EXPECT_EQ(store.of(11), nullptr);
  EXPECT_TRUE(store.has(12));
  EXPECT_FALSE(store.has(11));
  EXPECT_EQ(store.source(), folder_ / "p.jsonl");
  options_.filter.apply = "all";
  EXPECT_THAT(*open("p.jsonl").of(10), ElementsAre(large_));
}

TEST_F(ProposalStoreTest, RefusesLinesOfAnotherPicture) {
  const auto line = [&](const std::string& id, const std::string& name) {
    return "{\"image_id\": " + id + ", \"file_name\": \"" + name +
           "\", \"proposals\": [{\"segmentation\": " + json_of(large_) + "}]}\n";
  };
  write("p.jsonl", line("10", "10.png") + line("12", "COCO_12.jpg"));
  const ProposalStore store = open("p.jsonl");
  EXPECT_THAT(*store.of(10), ElementsAre(large_));
  expect_fault([&] { (void)store.of(12); },
               "p.jsonl:2: ", "image_id 12 is COCO_12.jpg there and 12.png in this dataset");
}

TEST_F(ProposalStoreTest, RefusesLinesOfAPictureWithOtherBytes) {
  const auto line = [&](const std::string& digest) {
    return "{\"image_id\": 10, \"file_name\": \"10.png\", \"picture_digest\": \"" + digest +
           "\", \"proposals\": []}\n";
  };
  const auto picture = folder_ / "data/train2014/10.png";
  write("right.jsonl", line(digest_of(core::read_file(picture))));
  write("wrong.jsonl", line("crc32:00000000"));
  EXPECT_THAT(*open("wrong.jsonl").of(10), IsEmpty());  // the pictures are not known
  options_.images = folder_ / "data/train2014";
  EXPECT_THAT(*open("right.jsonl").of(10), IsEmpty());
  expect_fault([&] { (void)open("wrong.jsonl").of(10); },
               "wrong.jsonl:1: ", "10.png with crc32:00000000");
  core::write_file_plain(picture, "damaged");
  EXPECT_THAT(*open("right.jsonl").of(10), IsEmpty());  // no other picture: what reads it says so
  EXPECT_EQ(digest_of("123456789"), "crc32:cbf43926");  // the check value of CRC-32
}

TEST_F(ProposalStoreTest, PassesOverHeadLines) {
  const std::string line = "{\"image_id\": 12, \"proposals\": []}\n";
  write("p.jsonl", "{\"format\": \"pcnet-proposals\", \"version\": 1}\n" + line);
  EXPECT_THAT(*open("p.jsonl").of(12), IsEmpty());
  write("q.jsonl",
        line + "{\"format\": \"pcnet-proposals\"}\n{\"image_id\": 10, \"proposals\": []}\n");
  EXPECT_THAT(*open("q.jsonl").of(12), IsEmpty());
  EXPECT_THAT(*open("q.jsonl").of(10), IsEmpty());  // of a part that was put behind
  write("r.jsonl", "{\"format\": \"other\"}\n" + line);
  expect_fault([&] { open("r.jsonl"); }, "r.jsonl:1: ", "no image_id");
}

TEST_F(ProposalStoreTest, GivesWhatTheMakerSaysOfEach) {
  const std::vector<ScoredProposal> proposals = {
      {.mask = small_, .predicted_iou = 0.875, .stability = 1},
      {.mask = large_, .score = 0.25},
      {.mask = mask({20, 0, 9, 9})}};
  write("p.jsonl", proposal_line(10, {.file_name = "10.png", .digest = ""}, proposals));
  const auto read = open("p.jsonl").scored(10);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), proposals.size());
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    EXPECT_EQ((*read)[i].mask, proposals[i].mask);
    EXPECT_EQ((*read)[i].predicted_iou, proposals[i].predicted_iou);
    EXPECT_EQ((*read)[i].stability, proposals[i].stability);
    EXPECT_EQ((*read)[i].score, proposals[i].score);
  }
  EXPECT_FALSE(open("p.jsonl").scored(11));
  options_.filter.apply = "all";
  options_.filter.predicted_iou = 0.9;
  EXPECT_EQ(open("p.jsonl").scored(10)->size(), 2U);  // of what nobody scored nothing is asked
}

TEST_F(ProposalStoreTest, ReadsSamsDocumentsFiltered) {
  write("sam/10.json", "[" + sam_entry(small_) + ", " + sam_entry(large_) + ", " +
                           sam_entry(mask({20, 0, 9, 9}), 0.5) + "]");
  write("sam/12.json", "[]");
  const ProposalStore store = open("sam");
  EXPECT_THAT(*store.of(10), ElementsAre(large_, small_));  // the largest first
  EXPECT_THAT(*store.of(12), IsEmpty());
  EXPECT_EQ(store.of(11), nullptr);
  options_.filter.apply = "none";
  EXPECT_EQ(open("sam").of(10)->size(), 3U);
}

TEST_F(ProposalStoreTest, LooksAtNoHiddenFileOfAFolder) {
  write("sam/10.json", "[" + sam_entry(small_) + "]");
  write("sam/._10.json", "\x05");
  write("sam/._10.npy", "\x05");
  write("sam/.ipynb_checkpoints/metadata.csv", "x");
  EXPECT_THAT(*open("sam").of(10), ElementsAre(small_));
}

TEST_F(ProposalStoreTest, ReadsSamsRunsAsLists) {
  write("sam/10.json",
        "[{\"segmentation\": {\"size\": [32, 32], \"counts\": [0, 32, 992]}, \"predicted_iou\": 1, "
        "\"stability_score\": 1}]");
  EXPECT_THAT(*open("sam").of(10), ElementsAre(mask({0, 0, 1, 32})));
}

TEST_F(ProposalStoreTest, ReadsSamsPictures) {
  write(
      "sam/10/metadata.csv",
      "id,area,predicted_iou,stability_score,crop_box_x0\r\n0,10,0.9,0.95,0\r\n1,64,0.8,0.75,0\r\n"
      "2,64,0.9,0.6,0\r\n");
  image::write_png(folder_ / "sam/10/0.png", image::decode(small_));
  image::write_png(folder_ / "sam/10/1.png", image::decode(large_));
  image::write_png(folder_ / "sam/10/2.png", image::decode(mask({20, 0, 9, 9})));
  const ProposalStore store = open("sam");
  EXPECT_THAT(*store.of(10), ElementsAre(large_, small_));
  EXPECT_EQ(store.of(11), nullptr);
}

TEST_F(ProposalStoreTest, ReadsSamsPicturesAsLabels) {
  write("sam/10/metadata.csv", "id,predicted_iou,stability_score\n0,0.9,0.95\n");
  std::string rows(2 * 32 * 32, '\0');  // 16 bits a pixel, high byte first
  for (const std::size_t y : {3U, 4U}) {
    for (std::size_t x = 4; x < 9; ++x) rows[2 * (32 * y + x) + 1] = 1;
  }
  core::write_file_plain(folder_ / "sam/10/0.png", support::png_bytes({32, 32, 16, 0, rows}));
  EXPECT_THAT(*open("sam").of(10), ElementsAre(mask({4, 3, 5, 2})));
}

TEST_F(ProposalStoreTest, NamesWhatIsWrongWithSamsPictures) {
  image::Mask other(16, 32);
  write("sam/10/metadata.csv", "id,predicted_iou,stability_score\n7,0.9,0.95\n");
  expect_fault([&] { open("sam").of(10); }, "7.png", "");
  image::write_png(folder_ / "sam/10/7.png", other);
  expect_fault([&] { open("sam").of(10); }, "7.png is 16 x 32", "image_id 10 32 x 32");
  std::filesystem::create_directories(folder_ / "sam/12");
  expect_fault([&] { open("sam").of(12); }, "sam/12/metadata.csv", "cannot read");
}

TEST_F(ProposalStoreTest, ReadsTheReleasedArraysOfAnyType) {
  at::Tensor planes = torch::zeros({4, 32, 32}, torch::kBool);
  planes[0].slice(0, 0, 2).slice(1, 0, 5).fill_(true);
  planes[2].slice(0, 10, 18).slice(1, 10, 18).fill_(true);
  std::filesystem::create_directories(folder_ / "npy");
  for (const auto type : {torch::kBool, torch::kUInt8, torch::kFloat, torch::kDouble}) {
    weights::write_npy(folder_ / "npy/10.npy", planes.to(type));
    EXPECT_THAT(*open("npy").of(10), ElementsAre(small_, large_)) << type;
  }
  weights::write_npy(folder_ / "npy/10.npy", planes.to(torch::kLong));
  expect_fault([&] { open("npy").of(10); }, "10.npy", "wanted bool, uint8 or float");
  weights::write_npy(folder_ / "npy/10.npy", planes[0]);
  expect_fault([&] { open("npy").of(10); }, "10.npy", "wanted [proposals, height, width]");
  write("npy/10.npy", "x");
  expect_fault([&] { open("npy").of(10); }, "10.npy", "NumPy");
}

TEST_F(ProposalStoreTest, ReadsFreesoloByImageId) {
  write("f.json",
        "{\"info\": {\"annotations\": [1]}, \"annotations\": [{\"image_id\": 10, \"score\": 0.8, "
        "\"bbox\": [0, 0, 5, 2], \"segmentation\": " +
            json_of(small_) + "}, {\"image_id\": 10, \"score\": 0.6, \"segmentation\": " +
            json_of(large_) + "}, {\"image_id\": 77, \"segmentation\": " + json_of(large_) +
            "}], \"images\": [{\"id\": 10}, {\"id\": 12}]}");
  const ProposalStore store = open("f.json");
  EXPECT_THAT(*store.of(10), ElementsAre(large_, small_));  // SAM's bounds are not for scores
  EXPECT_FALSE(store.has(12));
  options_.filter.score = 0.7;
  EXPECT_THAT(*open("f.json").of(10), ElementsAre(small_));
}

TEST_F(ProposalStoreTest, ReadsCocosListOfResults) {
  write("coco_instances_results.json",
        "[{\"image_id\": 10, \"category_id\": 1, \"bbox\": [0, 0, 5, 2], \"score\": 0.06, "
        "\"segmentation\": " +
            json_of(small_) +
            "},\n{\"image_id\": 10, \"score\": 1.5, \"segmentation\": {\"size\": "
            "[32, 32], \"counts\": [0, 32, 992]}}, {\"image_id\": 77, \"segmentation\": " +
            json_of(large_) + "}]");
  const ProposalStore store = open("coco_instances_results.json");
  EXPECT_THAT(*store.of(10), ElementsAre(mask({0, 0, 1, 32}), small_));
  EXPECT_FALSE(store.has(12));
  write("empty.json", "[]");
  EXPECT_FALSE(open("empty.json").has(10));
}

TEST_F(ProposalStoreTest, ReadsFreesoloByFileNameWhereItHasThem) {
  write("f.json",
        "{\"images\": [{\"id\": 1, \"file_name\": \"x/12.jpg\"}, {\"id\": 10, \"file_name\": "
        "\"elsewhere.jpg\"}, {\"id\": 3, \"file_name\": \"11.jpg\"}], \"annotations\": "
        "[{\"image_id\": 1, \"segmentation\": " +
            json_of(large_) + "}, {\"image_id\": 10, \"segmentation\": " + json_of(small_) + "}]}");
  const ProposalStore store = open("f.json");
  EXPECT_THAT(*store.of(12), ElementsAre(large_));
  EXPECT_EQ(store.of(10), nullptr);
  EXPECT_THAT(*store.of(11), IsEmpty());  // listed, nothing found
}

TEST_F(ProposalStoreTest, NamesPictureAndFileOfAMaskOfAnotherSize) {
  write("sam/11.json", "[" + sam_entry(large_) + "]");  // picture 11 is 24 x 40
  expect_fault([&] { open("sam").of(11); }, "11.json is 32 x 32", "image_id 11");
  write("p.jsonl",
        "{\"image_id\": 11, \"proposals\": [{\"segmentation\": " + json_of(large_) + "}]}");
  expect_fault([&] { open("p.jsonl").of(11); }, "p.jsonl is 32 x 32", "24 x 40");
}

TEST_F(ProposalStoreTest, RefusesWhatIsNoSource) {
  expect_fault([&] { open("none.jsonl"); }, "none.jsonl", "cannot read");
  write("p.txt", "");
  expect_fault([&] { open("p.txt"); }, "p.txt", "wanted");
  write("empty/readme.md", "");
  expect_fault([&] { open("empty"); }, "empty", "no proposals");
  write("both/10.json", "[]");
  write("both/10.npy", "");
  expect_fault([&] { open("both"); }, "both", ".json and .npy");
}

TEST_F(ProposalStoreTest, ReadsOnlyWhatIsAskedForAndKeepsIt) {
  write("sam/10.json", "[" + sam_entry(large_) + "]");
  write("sam/12.json", "broken");
  const ProposalStore store = open("sam");
  EXPECT_EQ(store.cached_bytes(), 0U);
  const auto first = store.of(10);
  EXPECT_EQ(store.of(10), first);
  EXPECT_GT(store.cached_bytes(), 0U);
  expect_fault([&] { store.of(12); }, "12.json", "broken JSON");
}

TEST_F(ProposalStoreTest, ForgetsTheLongestUnusedWhenRoomIsShort) {
  for (const int id : {10, 12}) {
    write("sam/" + std::to_string(id) + ".json", "[" + sam_entry(large_) + "]");
  }
  write("sam/11.json",
        "[" + sam_entry(image::encode(support::rectangle_mask(24, 40, {1, 1, 8, 8}))) + "]");
  std::size_t one = 0;
  {
    const ProposalStore store = open("sam");
    store.of(10);
    one = store.cached_bytes();
  }
  options_.cache_bytes = 2 * one;
  const ProposalStore two = open("sam");
  const auto ten = two.of(10);
  const auto twelve = two.of(12);
  EXPECT_EQ(two.of(10), ten);
  two.of(11);  // 12 goes
  EXPECT_LE(two.cached_bytes(), 2 * one);
  EXPECT_EQ(two.of(10), ten);
  EXPECT_NE(two.of(12), twelve);
  EXPECT_EQ(*two.of(12), *twelve);
  options_.cache_bytes = one - 1;
  const ProposalStore none = open("sam");
  EXPECT_THAT(*none.of(10), ElementsAre(large_));
  EXPECT_EQ(none.cached_bytes(), 0U);
}

TEST_F(ProposalStoreTest, AnswersSeveralThreads) {
  std::string lines;
  for (const int id : {10, 12}) {
    lines += "{\"image_id\": " + std::to_string(id) +
             ", \"proposals\": [{\"segmentation\": " + json_of(id == 10 ? small_ : large_) +
             "}]}\n";
  }
  write("p.jsonl", lines);
  options_.cache_bytes = 80;  // room for one or none
  const ProposalStore store = open("p.jsonl");
  core::parallel_for(400, 4, [&](std::int64_t i) {
    const auto masks = store.of(i % 2 == 0 ? 10 : 12);
    if (*masks != std::vector{i % 2 == 0 ? small_ : large_}) throw core::Error("mixed up");
  });
  EXPECT_EQ(store.of(11), nullptr);
}

TEST_F(ProposalStoreTest, CoverageCountsPicturesOnce) {
  write("p.jsonl", "{\"image_id\": 10, \"proposals\": []}\n");
  const ProposalStore store = open("p.jsonl");
  const Coverage train = proposal_coverage(index_, "train", store);
  EXPECT_EQ(train.wanted, 2);
  EXPECT_EQ(train.missing, 1);
  EXPECT_THAT(train.examples, ElementsAre(11));
  EXPECT_THAT(describe(train, "train", store),
              AllOf(HasSubstr("1 of 2 images of train have no proposals in "),
                    HasSubstr("p.jsonl, e.g. image_id 11")));
}

TEST(ProposalFormats, NameTheLineOfABrokenProposal) {
  const auto expect = [](const std::string& line, const std::string& what) {
    EXPECT_THAT([&] { parse_proposal_line(line, "p.jsonl:3"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("p.jsonl:3: "), HasSubstr(what))))
        << line;
  };
  const std::string start = "{\"image_id\": 1, \"proposals\": ";
  const auto segmentation = [&](const std::string& text) {
    return start + "[{\"segmentation\": " + text + "}]}";
  };
  expect(start + "[{}]}", "segmentation");
  expect(start + "{}}", "list");
  expect(start + "null}", "list");
  expect("{\"image_id\": 1}", "proposals");
  expect(start + "[", "broken JSON");
  expect(segmentation("{\"size\": [2, 2], \"counts\": \"3\"}"), "sum to 3");
  expect(segmentation("{\"size\": [2], \"counts\": \"4\"}"), "[height, width]");
  expect(segmentation("{\"size\": [2, 70000], \"counts\": \"4\"}"), "1 to 65535");
  expect(segmentation("{\"size\": [2, 2.5], \"counts\": \"4\"}"), "wanted a whole number");
  expect(segmentation("{\"size\": [2, 2], \"counts\": 4}"), "wanted COCO's text or a list of runs");
  expect(segmentation("{\"size\": [2, 2], \"counts\": [-1, 5]}"), "run 0 is -1");
  expect(segmentation("{\"size\": [2, 2], \"counts\": [1, 1]}"), "sum to 2");
  expect(segmentation("{\"size\": [2, 2], \"counts\": \"4\"}, \"score\": \"1\""),
         "proposal 0: score is");
  expect(segmentation("{\"size\": [2, 2], \"counts\": [1, 1.5]}"), "wanted a whole number");
}

TEST(ProposalFormats, IndexLinesByTheOutermostId) {
  const auto lines = index_proposal_lines(
      "\n{\"a\": {\"image_id\": 5}, \"b\": [{\"image_id\": 6}], \"image_id\": 7}\r\n{\"image_id\": "
      "8, ",
      "p.jsonl");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines.at(7).number, 2U);
  EXPECT_EQ(lines.at(8).number, 3U);
  const auto expect = [](const std::string& text, const std::string& what) {
    EXPECT_THAT([&] { index_proposal_lines(text, "p.jsonl"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("p.jsonl:2: "), HasSubstr(what))))
        << text;
  };
  const std::string good = "{\"image_id\": 1}\n";
  expect(good + good, "duplicate image_id 1");
  expect(good + "{\"image_id\": \"1\"}", "wanted a whole number");
  expect(good + "{\"image_id\": 1.5}", "wanted a whole number");
  expect(good + "{\"image_id\": [1]}", "wanted a whole number");
  expect(good + "{\"x\": 1}", "no image_id");
  expect(good + "[1]", "wanted an object");
  expect(good + "7", "wanted an object");
  expect(good + "{\"x\"", "broken JSON");
}

TEST(ProposalFormats, RefuseDamagedSamFiles) {
  const auto expect = [](const std::string& text, const std::string& what) {
    EXPECT_THAT([&] { parse_sam_json(text, "1.json"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("1.json: "), HasSubstr(what))))
        << text;
  };
  const std::string rle = "{\"segmentation\": {\"size\": [2, 2], \"counts\": [4]}";
  expect("", "broken JSON");
  expect("{}", "SAM's list");
  expect("[" + rle + "}]", "mask 0: ");
  expect("[" + rle + ", \"predicted_iou\": \"x\", \"stability_score\": 1}]", "wanted a number");
  expect("[" + rle + ", \"predicted_iou\": 1}]", "stability_score");
  expect("[7]", "mask 0: ");
}

TEST(ProposalFormats, RefuseDamagedSamTables) {
  const auto expect = [](const std::string& text, const std::string& what) {
    EXPECT_THAT([&] { parse_sam_metadata(text, "m.csv"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("m.csv"), HasSubstr(what))))
        << text;
  };
  const std::string header = "id,predicted_iou,stability_score\n";
  expect("", "empty");
  expect("id,predicted_iou\n", "no column stability_score");
  expect(header + "1,0.5\n", "2: it has 2 columns, its header 3");
  expect(header + "x,0.5,1\n", "2: id is \"x\"");
  expect(header + "1,nan,1\n", "predicted_iou is \"nan\"");
  expect(header + "1,1,1\n1,1,1\n", "3: duplicate id 1");
  EXPECT_TRUE(parse_sam_metadata(header, "m.csv").empty());
}

TEST(ProposalFormats, RefuseDamagedFreesoloFiles) {
  const auto expect = [](const std::string& text, const std::string& what) {
    EXPECT_THAT([&] { parse_freesolo(text, "f.json"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("f.json: "), HasSubstr(what))))
        << text;
  };
  expect("", "broken JSON");
  expect("{}", "no list \"annotations\", wanted FreeSOLO's document or a list of COCO results");
  expect("[{\"segmentation\": 1}]", "results[0]: no \"image_id\"");
  expect("[{\"image_id\": 3, \"score\": NaN}]", "NaN and Infinity are no JSON");
  expect("[{\"image_id\": 3, \"segmentation\": [[1, 2]]}]",
         "results[0]: image_id 3: its mask is a list, wanted an RLE");
  expect("[7]", "results[0]: got 7, wanted an object");
  expect("{\"annotations\": {}}", "no list \"annotations\"");
  expect("{\"annotations\": [{}]}", "annotations[0]: ");
  expect("{\"annotations\": [5]}", "annotations[0]: ");
  expect("{\"annotations\": [[5]]}", "annotations[0]: ");
  expect("{\"annotations\": [{\"image_id\": 3, \"segmentation\": [[1, 2]]}]}", "image_id 3: ");
  expect("{\"annotations\": [], \"images\": [{\"id\": \"x\"}]}", "images[0]: id is");
}

}  // namespace
}  // namespace pcnet::data
