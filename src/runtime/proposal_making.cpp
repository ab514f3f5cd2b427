#include "pcnet/runtime/proposal_making.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"
#include "pcnet/core/mapped_file.h"
#include "pcnet/core/parallel.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/proposals/proposal_formats.h"
#include "pcnet/runtime/dataset_opening.h"

#include "growing_lines.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using nlohmann::ordered_json;

namespace {

constexpr std::int64_t kSmallArea = 1000;  // px, App. D

std::unique_ptr<proposals::ProposalMaker> maker_of(const config::Config& config,
                                                   const ProposalRequest& request) {
  if (request.source == "grid") return proposals::make_grid_maker(request.grid);
  if (request.weights.empty()) {
    throw core::UsageError(cat("--source ", request.source, " needs --weights: ",
                               request.source == "sam"
                                   ? "sam_vit_h_4b8939.pth, sam_vit_l_0b3195.pth, "
                                     "sam_vit_b_01ec64.pth or mobile_sam.pt"
                                   : "the released FreeSOLO checkpoint",
                               "; without a network: --source grid"));
  }
  const c10::Device device = core::parse_device(config.run.device);
  if (request.source == "freesolo") {
    return proposals::make_freesolo_maker(request.weights, config.data.proposal_filter, device);
  }
  return proposals::make_sam_maker({.weights = request.weights,
                                    .generator = request.generator,
                                    .filter = config.data.proposal_filter,
                                    .device = device,
                                    .precision = request.precision});
}

fs::path usual_place(const data::DatasetFiles& files, const ProposalRequest& request) {
  if (!request.out.empty()) return request.out;
  const fs::path folder = files.annotations.parent_path();
  if (request.shards == 1) return folder / "proposals.jsonl";
  return folder / cat("proposals.", request.shard, "-of-", request.shards, ".jsonl");
}

/// The images of this shard, in the order of the annotations.
std::vector<const data::ImageRecord*> images_of(const data::ReferIndex& index,
                                                const ProposalRequest& request) {
  std::vector<const data::ImageRecord*> images;
  std::int64_t number = 0;
  for (const auto& image : index.images()) {
    if (number++ % request.shards == request.shard - 1) images.push_back(&image);
  }
  return images;
}

/// Those without an entry.
std::vector<const data::ImageRecord*> without_entry(
    const std::vector<const data::ImageRecord*>& images,
    const std::unordered_set<std::int64_t>& there) {
  std::vector<const data::ImageRecord*> left;
  std::copy_if(images.begin(), images.end(), std::back_inserter(left),
               [&](const auto* image) { return !there.contains(image->image_id); });
  return left;
}

void count_entry(std::size_t masks, ProposalFile& file) {
  ++file.images;
  file.proposals += static_cast<std::int64_t>(masks);
  if (masks == 0) ++file.without;
}

/// Counts the entries of a store's text. @return their image_ids
std::unordered_set<std::int64_t> count_entries(std::string_view text, const std::string& name,
                                               ProposalFile& file) {
  std::unordered_set<std::int64_t> ids;
  for (const auto& [image_id, span] : data::index_proposal_lines(text, name)) {
    ids.insert(image_id);
    count_entry(data::parse_proposal_line(text.substr(span.begin, span.size), name).size(), file);
  }
  return ids;
}

double iou(const image::Rle& a, const image::Rle& b) {
  const std::int64_t both = image::intersection(a, b);
  const std::int64_t either = image::area(a) + image::area(b) - both;
  return either == 0 ? 0 : static_cast<double>(both) / static_cast<double>(either);
}

/// What one image gave.
struct Made {
  std::string line;
  std::size_t masks = 0;
};

class Making {
 public:
  Making(data::Dataset& dataset, proposals::ProposalMaker& maker, int threads)
      : dataset_(dataset), maker_(maker), threads_(maker.images_at_once(threads)) {}

  /// Several images at a time, in their order. Calls `keep(std::optional<Made>)` for each, empty
  /// for one that cannot be read.
  template <class Keep, class Tell>
  void run(const std::vector<const data::ImageRecord*>& images, Keep keep, Tell tell) {
    const auto together = static_cast<std::size_t>(threads_ == 1 ? 1 : 4 * threads_);
    std::future<Read> next;
    for (std::size_t begin = 0; begin < images.size(); begin += together) {
      core::throw_if_stopped("stopped; the same command goes on where it was");
      const std::size_t count = std::min(together, images.size() - begin);
      std::vector<std::optional<Made>> made(count);
      if (threads_ == 1) {
        // The next image is decoded while the network looks at this one.
        const core::Lap lap;
        Read read = next.valid() ? next.get() : read_image(*images[begin]);
        reading_ += lap.seconds();
        if (begin + 1 < images.size()) {
          next = std::async(std::launch::async,
                            [this, &image = *images[begin + 1]] { return read_image(image); });
        }
        made[0] = make(*images[begin], std::move(read));
      } else {
        core::parallel_for(static_cast<std::int64_t>(count), threads_, [&](std::int64_t i) {
          const auto& image = *images[begin + static_cast<std::size_t>(i)];
          const core::Lap lap;
          Read read = read_image(image);
          reading_ += lap.seconds();
          made[static_cast<std::size_t>(i)] = make(image, std::move(read));
        });
      }
      for (const auto& one : made) keep(one);
      tell(static_cast<std::int64_t>(begin + count));
    }
  }

  /// Between two messages: a process waits for others as long as one image of this many takes.
  std::size_t images_of_a_window() const {
    constexpr std::size_t kLeast = 8;
    return std::max(kLeast, static_cast<std::size_t>(4 * threads_));
  }

  /// Where the time went; empty for a maker that does not say.
  proposals::PartSeconds seconds() const {
    proposals::PartSeconds parts = maker_.seconds();
    if (!parts.empty()) parts.insert(parts.begin(), {"reading", reading_});
    return parts;
  }

 private:
  struct Read {
    std::optional<image::Picture> picture;
    std::string digest;
    std::string fault;
  };

  Read read_image(const data::ImageRecord& image) const {
    try {
      return {.picture = dataset_.pictures().original(image.image_id),
              .digest = data::digest_of(
                  core::MappedFile(dataset_.files().images / image.file_name).bytes()),
              .fault = {}};
    } catch (const Error& error) {
      return {.picture = {}, .digest = {}, .fault = error.what()};
    }
  }

  std::optional<Made> make(const data::ImageRecord& image, Read read) {
    if (!read.picture) {
      const std::string message = cat("image_id ", image.image_id, ": ", read.fault);
      if (dataset_.options().on_bad_image == "error") {
        throw Error(message + " (--on-bad-image skip goes on without such images)");
      }
      core::log::warning("skipped " + message);
      return std::nullopt;
    }
    const auto proposals = maker_.propose(*read.picture);
    return Made{
        data::proposal_line(image.image_id, {.file_name = image.file_name, .digest = read.digest},
                            proposals),
        proposals.size()};
  }

  data::Dataset& dataset_;
  proposals::ProposalMaker& maker_;
  int threads_;
  std::atomic<double> reading_ = 0;  // and waiting for it
};

/// What an image gave, as a line of its own; an image that cannot be read gave nothing.
std::string line_of(const std::optional<Made>& made) {
  return core::json_text(made ? ordered_json::array({made->line, made->masks}) : nullptr) + "\n";
}

/// Shares the images of processes: each makes every so manieth of a window's, then process 0 keeps
/// all in their order.
template <class Keep, class Tell>
void make_together(Making& making, const std::vector<const data::ImageRecord*>& images,
                   core::Communicator& team, Keep keep, Tell tell) {
  const auto processes = static_cast<std::size_t>(team.size());
  const auto rank = static_cast<std::size_t>(team.rank());
  // That of process 0: others may have another number of threads.
  const std::size_t window =
      std::stoul(team.from_leader(cat(making.images_of_a_window()))) * processes;
  for (std::size_t begin = 0; begin < images.size(); begin += window) {
    const std::size_t end = std::min(images.size(), begin + window);
    std::vector<const data::ImageRecord*> own;
    for (std::size_t i = begin + rank; i < end; i += processes) own.push_back(images[i]);
    std::string said;
    making.run(
        own, [&](const std::optional<Made>& made) { said += line_of(made); },
        [](std::int64_t /*done*/) {});
    std::vector<std::istringstream> all;
    for (auto& text : team.gather(said)) all.emplace_back(std::move(text));
    for (std::size_t i = begin; !all.empty() && i < end; ++i) {
      std::string line;
      std::getline(all[(i - begin) % processes], line);
      const auto made = core::parse_json<ordered_json>(line);
      keep(made.is_null() ? std::nullopt : std::optional(Made{made.at(0), made.at(1)}));
    }
    tell(static_cast<std::int64_t>(end));
  }
}

std::string head_line(const ordered_json& settings) {
  ordered_json head = {{"format", "pcnet-proposals"}, {"version", 1}};
  head.update(settings);
  return core::json_text(head);
}

/// The store to go on with; nothing when it is whole, and then `file` says so.
std::unique_ptr<GrowingLines> open_store(const std::string& head,
                                         const std::vector<const data::ImageRecord*>& all,
                                         bool replace, ProposalFile& file) {
  if (GrowingLines::is_whole(file.out, head, replace)) {
    const auto ids = count_entries(core::read_file(file.out), file.out.string(), file);
    file.already_there = without_entry(all, ids).empty();
    if (file.already_there) return nullptr;
    GrowingLines::reopen(file.out);  // it has the images of another dataset
    file = {.out = file.out};
  }
  return std::make_unique<GrowingLines>(file.out, head);
}

/// The image_ids that process 0 has in its store, for all.
std::unordered_set<std::int64_t> shared_ids(core::Communicator& team, const GrowingLines* store,
                                            ProposalFile& file) {
  std::string ids;
  if (store != nullptr) {
    const auto there = count_entries(store->there(), store->name(), file);
    ids = core::json_text(ordered_json(std::vector<std::int64_t>(there.begin(), there.end())));
  }
  const auto all = core::parse_json<ordered_json>(team.from_leader(ids));
  const auto list = all.get<std::vector<std::int64_t>>();
  return {list.begin(), list.end()};
}

}  // namespace

ProposalFile make_proposals(const config::Config& config, const ProposalRequest& request) {
  core::Lap watch;
  const auto team = distributed::communicator_for(request.team, c10::kCPU);
  data::Dataset dataset = open_dataset(config.data, data::Pictures::kUsed);
  if (!dataset.files().pack.empty()) {
    throw core::UsageError(cat("cannot make proposals of the pack ", dataset.files().pack.string(),
                               ": it has no images of full size; name the dataset's own files "
                               "(--root)"));
  }
  const auto maker = maker_of(config, request);
  ProposalFile file;
  file.out = usual_place(dataset.files(), request);
  ordered_json settings = maker->settings();
  if (request.shards > 1) settings["shard"] = cat(request.shard, "/", request.shards);
  const std::string head = head_line(settings);
  const auto all = images_of(dataset.index(), request);
  std::unique_ptr<GrowingLines> store;  // of process 0
  if (team->leads()) store = open_store(head, all, request.replace, file);
  if (team->any(file.already_there)) return file;
  const auto left = without_entry(all, shared_ids(*team, store.get(), file));
  const std::int64_t before = file.images;
  Making making(dataset, *maker, core::usable_threads(static_cast<int>(config.run.threads)));
  const auto already = static_cast<std::int64_t>(all.size() - left.size());
  core::Progress progress("making proposals", static_cast<std::int64_t>(all.size()), "images",
                          already);
  const auto keep = [&](const std::optional<Made>& made) {
    if (!made) {
      ++file.unreadable;
      return;
    }
    store->append(made->line);
    count_entry(made->masks, file);
  };
  const auto tell = [&](std::int64_t done) { progress.update(already + done); };
  if (team->is_alone()) {
    making.run(left, keep, tell);
  } else {
    make_together(making, left, *team, keep, tell);
  }
  if (store) store->commit();
  progress.finish();
  file.made = file.images - before;
  file.seconds = watch.take();
  file.by_part = making.seconds();
  return file;
}

ProposalFile import_proposals(const config::Config& config, const fs::path& source,
                              const fs::path& out, bool replace) {
  core::Lap watch;
  config::DataOptions options = config.data;
  options.proposals = source.string();
  data::Dataset dataset = open_dataset(options, data::Pictures::kUnused);
  const data::ProposalStore& store = dataset.proposals();
  ProposalFile file;
  file.out = out.empty() ? dataset.files().annotations.parent_path() / "proposals.jsonl" : out;
  if (fs::exists(file.out) && !replace) {
    throw Error(
        cat(file.out.string(),
            " is there already: --replace writes it anew, or choose another file with --out"));
  }
  core::AtomicFile output(file.out);
  output.write(head_line({{"source", source.filename().string()}}) + "\n");
  const auto& images = dataset.index().images();
  core::Progress progress("importing proposals", static_cast<std::int64_t>(images.size()),
                          "images");
  std::int64_t done = 0;
  for (const auto& image : images) {
    core::throw_if_stopped("nothing was written");
    progress.update(++done);
    const auto proposals = store.scored(image.image_id);
    if (!proposals) continue;
    const fs::path path = dataset.files().images / image.file_name;
    const std::string digest = dataset.files().images.empty() || !fs::is_regular_file(path)
                                   ? std::string()
                                   : data::digest_of(core::MappedFile(path).bytes());
    output.write(data::proposal_line(image.image_id,
                                     {.file_name = image.file_name, .digest = digest}, *proposals) +
                 "\n");
    count_entry(proposals->size(), file);
  }
  if (file.images == 0) {
    throw Error(cat(source.string(), " has an entry for none of the ", images.size(),
                    " images of this dataset: nothing to import"));
  }
  output.commit();
  progress.finish();
  file.made = file.images;
  file.seconds = watch.take();
  return file;
}

ProposalCheck check_proposals(const config::Config& config) {
  data::Dataset dataset = open_dataset(config.data, data::Pictures::kUnused);
  const data::ProposalStore& store = dataset.proposals();
  const data::ReferIndex& index = dataset.index();
  ProposalCheck check{.source = store.source()};
  const auto& images = index.images();
  std::set<std::int64_t> referred;
  for (const auto& reference : index.references()) referred.insert(reference.ann_id);
  core::Progress progress("checking proposals", static_cast<std::int64_t>(images.size()), "images");
  double sum = 0;
  std::int64_t found = 0;
  for (const auto& image : images) {
    core::throw_if_stopped("nothing was written");
    progress.update(++check.images);
    const auto masks = store.of(image.image_id);
    if (masks == nullptr) ++check.missing;
    if (masks != nullptr && masks->empty()) ++check.without;
    if (masks != nullptr) check.proposals += static_cast<std::int64_t>(masks->size());
    for (const auto ann_id : index.annotations_of(image.image_id)) {
      const auto& object = index.annotation(ann_id);
      if (!referred.contains(ann_id) || !object.has_mask()) continue;
      const image::Rle truth = index.mask(object);
      ++check.objects;
      if (image::area(truth) < kSmallArea) ++check.small_objects;
      double best = 0;
      if (masks != nullptr) {
        for (const auto& mask : *masks) best = std::max(best, iou(mask, truth));
      }
      sum += best;
      if (best >= 0.5) ++found;
    }
  }
  progress.finish();
  if (check.objects > 0) {
    check.best_iou = sum / static_cast<double>(check.objects);
    check.found = static_cast<double>(found) / static_cast<double>(check.objects);
  }
  return check;
}

}  // namespace pcnet::runtime
