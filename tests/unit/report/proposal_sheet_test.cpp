#include "pcnet/report/proposal_sheet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

#include "support/hand_dataset.h"
#include "support/temporary_folder.h"

namespace pcnet::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

class ProposalSheetTest : public ::testing::Test {
 protected:
  ProposalSheetTest() {
    dataset_.proposals[10] = {support::rectangle_mask(32, 32, {2, 3, 8, 8}),
                              support::rectangle_mask(32, 32, {0, 0, 32, 20})};
    dataset_.proposals[12] = {};
  }
  data::Dataset open() {
    dataset_.write(folder_.path());
    return data::Dataset(support::options_for(folder_.path()));
  }
  support::TemporaryFolder folder_;
  support::HandDataset dataset_ = support::small_dataset();
};

TEST_F(ProposalSheetTest, FindsImagesByIdNameOrPath) {
  const auto dataset = open();
  const auto find = [&](const std::string& name) { return find_images(dataset.index(), {name}); };
  EXPECT_THAT(find_images(dataset.index(), {"12", "10.png", "some/where/11.png"}),
              ElementsAre(12, 10, 11));
  for (const char* wrong : {"13", "1", "10.jpg", "10x", ""}) {
    EXPECT_THAT([&] { find(wrong); },
                ThrowsMessage<core::UsageError>(HasSubstr("among its 3 images")))
        << wrong;
  }
}

TEST_F(ProposalSheetTest, SpreadsOverTheImagesWithAnEntry) {
  auto dataset = open();
  EXPECT_THAT(spread_images(dataset, 1), ElementsAre(10));
  EXPECT_THAT(spread_images(dataset, 7), ElementsAre(10, 12));
}

TEST_F(ProposalSheetTest, ReadsAnImageWithWhatThereIs) {
  auto dataset = open();
  const auto some = image_proposals(dataset, 10);
  EXPECT_TRUE(some.has_entry);
  EXPECT_THAT(some.proposals, SizeIs(2));
  EXPECT_EQ(some.picture.height, 32);
  EXPECT_EQ(some.fault, "");
  EXPECT_TRUE(image_proposals(dataset, 12).has_entry);
  std::filesystem::remove(folder_ / "train2014" / "11.png");
  const auto none = image_proposals(dataset, 11);
  EXPECT_FALSE(none.has_entry);
  EXPECT_THAT(none.proposals, IsEmpty());
  EXPECT_THAT(none.fault, HasSubstr("11.png"));
}

/// Pixels of exactly this colour.
std::int64_t count(const image::Picture& picture, const std::array<int, 3>& colour) {
  std::int64_t pixels = 0;
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      const std::uint8_t* pixel = picture.pixel(y, x);
      pixels += std::equal(colour.begin(), colour.end(), pixel) ? 1 : 0;
    }
  }
  return pixels;
}

TEST_F(ProposalSheetTest, ColoursEachProposalByItsNumber) {
  auto dataset = open();
  auto image = image_proposals(dataset, 10);
  const std::array<int, 3> first = {255, 40, 169};
  const auto both = draw_proposals_together(image);
  EXPECT_GT(count(both, first), 0);
  image.proposals.erase(image.proposals.begin());  // the other is now number 0
  const auto other = draw_proposals_together(image);
  EXPECT_GT(count(other, first), count(both, first));
}

TEST_F(ProposalSheetTest, DrawsACellForEachProposal) {
  auto dataset = open();
  const auto image = image_proposals(dataset, 10);
  const auto apart = draw_proposals_apart(image);
  const auto empty = draw_proposals_apart(image_proposals(dataset, 12));
  EXPECT_GT(apart.height, empty.height);
  auto many = image;
  for (int i = 0; i < 3; ++i) many.proposals.push_back(image.proposals[0]);
  EXPECT_GT(draw_proposals_apart(many).height, apart.height);  // a second row of four
  EXPECT_EQ(draw_proposals_apart(many).width, empty.width);    // as wide as the pair above
}

}  // namespace
}  // namespace pcnet::report
