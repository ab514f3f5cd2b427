#include "pcnet/data/batches/samples.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <utility>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/lap.h"
#include "pcnet/data/proposals/proposal_grid.h"
#include "pcnet/image/normalise.h"

namespace pcnet::data {

using core::Error;

/// The texts of a batch: each distinct one once, and where each picture's are.
class Samples::Collector {
 public:
  explicit Collector(const Counts& counts) : counts_(counts) {}

  void add(const Draw& drawn) {
    image_ids_.push_back(drawn.image_id);
    ref_ids_.push_back(drawn.ref_id);
    add_rows(drawn.texts, texts_);
    add_rows(drawn.cues, cues_);
    for (std::size_t i = 0; i < drawn.texts.size(); ++i) {
      sent_ids_.push_back(drawn.sent_ids.empty() ? -1 : drawn.sent_ids[i]);
    }
    add_mirrored(drawn);
    add_rows(drawn.partners, partners_);
    add_rows(drawn.partner_cues, partner_cues_);
    for (auto d = static_cast<std::int64_t>(drawn.partners.size()); d < counts_.partners; ++d) {
      // Any row would do, nobody may look at it; its own text makes no further one.
      add_rows({drawn.texts.front()}, partners_);
      add_rows(drawn.cues, partner_cues_);
    }
    for (std::int64_t d = 0; d < counts_.partners; ++d) {
      has_partner_.push_back(d < static_cast<std::int64_t>(drawn.partners.size()) ? 1 : 0);
    }
  }

  /// Everything but the pictures.
  Batch finish(const TextBank& bank) const {
    const auto count = static_cast<std::int64_t>(image_ids_.size());
    const std::int64_t slots = static_cast<std::int64_t>(texts_.size()) / count;
    const auto [cues, partners] = counts_;
    Batch batch;
    batch.tokens = bank.gather(distinct_);
    batch.text_index = tensor_of(texts_, {count, slots});
    batch.mirrored_index = tensor_of(mirrored_, {count, slots});
    batch.cue_index = tensor_of(cues_, {count, slots, cues});
    batch.partner_index = tensor_of(partners_, {count, partners});
    batch.partner_cue_index = tensor_of(partner_cues_, {count, partners, cues});
    batch.has_partner = tensor_of(has_partner_, {count, partners}).to(torch::kBool);
    batch.image_ids = tensor_of(image_ids_, {count});
    batch.ref_ids = tensor_of(ref_ids_, {count});
    batch.sent_ids = tensor_of(sent_ids_, {count, slots});
    return batch;
  }

 private:
  using Numbers = std::vector<std::int64_t>;
  static at::Tensor tensor_of(const Numbers& values, at::IntArrayRef sizes) {
    return torch::tensor(values, torch::kInt64).view(sizes);
  }

  void add_rows(const Numbers& rows, Numbers& into) {
    for (const auto row : rows) {
      const auto [place, added] =
          position_of_.emplace(row, static_cast<std::int64_t>(distinct_.size()));
      if (added) distinct_.push_back(row);
      into.push_back(place->second);
    }
  }

  void add_mirrored(const Draw& drawn) {
    for (std::size_t i = 0; i < drawn.texts.size(); ++i) {
      if (drawn.mirrored.empty() || drawn.mirrored[i] < 0) {
        mirrored_.push_back(-1);
      } else {
        add_rows({drawn.mirrored[i]}, mirrored_);
      }
    }
  }

  Counts counts_;
  std::unordered_map<std::int64_t, std::int64_t> position_of_;  // bank row -> row of the tokens
  Numbers distinct_;
  Numbers texts_;
  Numbers mirrored_;
  Numbers cues_;
  Numbers partners_;
  Numbers partner_cues_;
  Numbers has_partner_;
  Numbers image_ids_;
  Numbers ref_ids_;
  Numbers sent_ids_;
};

namespace {

/// [n, P, h, w], copied by hand for the same reason as the pictures.
/// @param any image of the dataset: all have planes of one number and size
at::Tensor stack_grids(GridStore& grids, const std::vector<std::int64_t>& image_ids,
                       std::int64_t any) {
  const auto sizes = grids.get(any).sizes().vec();
  at::Tensor stacked = torch::empty(
      {static_cast<std::int64_t>(image_ids.size()), sizes[0], sizes[1], sizes[2]}, torch::kByte);
  auto* to = stacked.mutable_data_ptr<std::uint8_t>();
  for (const auto image_id : image_ids) {
    const at::Tensor grid = grids.get(image_id).contiguous();
    to = std::copy_n(grid.const_data_ptr<std::uint8_t>(), grid.numel(), to);
  }
  return stacked;
}

/// [n, P]: the stored scores of the proposals that have a plane.
at::Tensor stack_scores(const std::vector<const std::vector<float>*>& stored,
                        const ProposalStore& proposals, const std::vector<std::int64_t>& image_ids,
                        std::int64_t most) {
  at::Tensor stacked = torch::zeros({static_cast<std::int64_t>(image_ids.size()), most});
  auto* row = stacked.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < stored.size(); ++i, row += most) {
    if (stored[i] == nullptr) continue;  // the picture has no proposals
    const std::vector<float>& scores = *stored[i];
    if (static_cast<std::int64_t>(scores.size()) <= most) {
      std::copy(scores.begin(), scores.end(), row);
      continue;
    }
    const auto places = grid_places(*proposals.of(image_ids[i]), most);
    std::transform(places.begin(), places.end(), row,
                   [&](std::size_t place) { return scores.at(place); });
  }
  return stacked;
}

/// Of so many samples those whose pictures this process reads: [begin, end).
std::pair<std::size_t, std::size_t> own_samples(std::size_t samples,
                                                const Samples::Making& making) {
  const auto shares = core::even_shares(static_cast<std::int64_t>(samples), making.processes);
  const auto first = std::accumulate(shares.begin(), shares.begin() + making.rank, std::int64_t{0});
  return {first, first + shares.at(static_cast<std::size_t>(making.rank))};
}

}  // namespace

Samples::Samples(Dataset& dataset, const text::Tokenizer& tokenizer, const Counts& counts)
    : dataset_(dataset), bank_(tokenizer, dataset.options()), counts_(counts) {}

std::vector<std::int64_t> Samples::clash_groups(config::Negatives /*negatives*/) const {
  return {};
}

Batch Samples::batch(std::span<const std::size_t> samples, std::uint64_t seed,
                     std::uint64_t epoch) {
  return batch(samples, seed, epoch, Making{});
}

Batch Samples::batch(std::span<const std::size_t> samples, std::uint64_t seed, std::uint64_t epoch,
                     const Making& making) {
  BatchTimes unwanted;
  BatchTimes& times = making.times != nullptr ? *making.times : unwanted;
  const bool alone = making.processes == 1;
  const auto [begin, end] = own_samples(samples.size(), making);
  std::vector<at::Tensor> images;
  std::vector<std::int64_t> image_ids;
  std::vector<const std::vector<float>*> clip_scores;
  std::vector<std::int64_t> unreadable;
  Collector collector(counts_);
  core::Lap lap;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    core::Rng rng({seed, epoch, samples[i]});
    const Draw drawn = draw(samples[i], rng);
    times.texts += lap.take();
    if (begin <= i && i < end) {
      auto picture = dataset_.pictures().get(drawn.image_id, &times.pictures);
      (void)lap.take();
      if (!picture && alone) continue;
      if (picture) {
        images.push_back(std::move(*picture));
        image_ids.push_back(drawn.image_id);
        clip_scores.push_back(drawn.clip_scores);
      } else {
        unreadable.push_back(static_cast<std::int64_t>(i - begin));
      }
    }
    collector.add(drawn);
    times.texts += lap.take();
  }
  if (images.empty() && alone) throw Error("no image of the batch can be read");
  Batch batch = collector.finish(bank_);
  batch.unreadable = std::move(unreadable);
  times.texts += lap.take();
  const std::int64_t side = dataset_.options().image_size;
  batch.images = images.empty() ? torch::empty({0, 3, side, side}, torch::kByte)
                                : image::stack_pictures(images, making.pinned);
  if (grids_) {
    batch.proposals = stack_grids(*grids_, image_ids, batch.image_ids[0].item<std::int64_t>());
  }
  if (clip_scores_ != nullptr && grids_) {
    batch.clip_scores =
        stack_scores(clip_scores, dataset_.proposals(), image_ids, batch.proposals.size(1));
  }
  times.collate += lap.take();
  return batch;
}

void Samples::report_omissions() const {
  text::report(bank_.omissions(), "distinct training texts", dataset_.options().text_length);
}

}  // namespace pcnet::data
