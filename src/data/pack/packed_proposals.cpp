#include "packed_proposals.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "pack_stream.h"

namespace pcnet::data {

namespace {

class PackedProposals : public ProposalSource {
 public:
  explicit PackedProposals(const Pack& pack) : pack_(pack) {}
  bool has(const ImageRecord& picture) const override {
    return pack_.has_proposals_of(picture.image_id);
  }
  std::vector<ScoredProposal> read(const ImageRecord& picture) const override {
    return unscored(pack_.proposals_of(picture.image_id));
  }
  std::filesystem::path file_of(const ImageRecord& /*picture*/) const override {
    return pack_.path();
  }

 private:
  const Pack& pack_;
};

std::size_t packed_bytes(std::size_t cells) { return (cells + 7) / 8; }

}  // namespace

std::string encode_proposals(const std::vector<image::Rle>& masks, const at::Tensor& grid) {
  RecordWriter out;
  out.number(masks.size());
  for (const auto& mask : masks) out.text(image::to_coco_string(mask));
  const at::Tensor cells = grid.contiguous();
  const auto planes = std::min(masks.size(), static_cast<std::size_t>(grid.size(0)));
  const std::size_t bits = planes * static_cast<std::size_t>(grid.size(1) * grid.size(2));
  std::string packed(packed_bytes(bits), '\0');
  const auto* from = cells.const_data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < bits; ++i) {
    if (from[i] != 0) packed[i / 8] = static_cast<char>(packed[i / 8] | 1 << i % 8);
  }
  out.raw(packed);
  return out.bytes();
}

std::vector<image::Rle> decode_proposals(std::string_view record, std::int64_t height,
                                         std::int64_t width) {
  RecordReader in(record);
  std::vector<image::Rle> masks;
  const std::size_t count = in.count(/*least=*/1);
  masks.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    masks.push_back(image::from_coco_string(in.text(), height, width));
  }
  return masks;
}

at::Tensor decode_grid(std::string_view record, const PackKey& key) {
  at::Tensor grid = torch::zeros({key.grid_most, key.grid_height, key.grid_width}, at::kByte);
  if (record.empty()) return grid;
  RecordReader in(record);
  const std::size_t count = in.count(/*least=*/1);
  for (std::size_t i = 0; i < count; ++i) (void)in.text();
  const auto planes = std::min(count, static_cast<std::size_t>(key.grid_most));
  const std::size_t bits = planes * static_cast<std::size_t>(key.grid_height * key.grid_width);
  const std::string_view packed = in.raw(packed_bytes(bits));
  auto* to = grid.mutable_data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < bits; ++i) {
    to[i] = static_cast<std::uint8_t>(static_cast<unsigned>(packed[i / 8]) >> i % 8 & 1U);
  }
  return grid;
}

std::unique_ptr<const ProposalSource> packed_proposals(const Pack& pack) {
  return std::make_unique<PackedProposals>(pack);
}

FindGrid packed_grids(const Pack& pack, const GridStore::Options& options) {
  if (options.nearest) return {};
  const PackKey& key = pack.key();
  if (key.grid_height != options.height || key.grid_width != options.width ||
      key.grid_most != options.most) {
    throw core::Error(core::cat(
        "the pack ", pack.path().string(), " is stale: its proposals are on a grid of ",
        key.grid_height, " x ", key.grid_width, ", at most ", key.grid_most, ", the losses' is ",
        options.height, " x ", options.width, ", at most ", options.most,
        "; make it again with `pcnet data pack --replace` and this configuration"));
  }
  return [&pack](std::int64_t image_id) { return pack.grid_of(image_id); };
}

}  // namespace pcnet::data
