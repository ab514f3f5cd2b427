#include <filesystem>
#include <iostream>
#include <memory>
#include <set>

#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/data/proposals/proposal_line.h"
#include "pcnet/image/overlay.h"
#include "pcnet/report/proposal_sheet.h"
#include "pcnet/runtime/dataset_opening.h"

#include "command.h"
#include "data_source.h"

namespace pcnet::app {

namespace {

using core::cat;
using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::int64_t kColumns = 2;  // of the sheet

struct ProposalsShowArguments {
  DataSource source;
  std::vector<std::string> images;
  std::int64_t count = 8;
  std::string out = "proposals";
};

/// The name of an image's picture: the stem of its file, with the image_id where two are alike.
fs::path picture_name(const report::ImageProposals& image, std::set<std::string>& taken) {
  std::string stem = fs::path(image.file_name).stem().string();
  if (!taken.insert(stem).second) {
    stem += cat("_", image.image_id);
    taken.insert(stem);
  }
  return stem + ".png";
}

ordered_json to_json(const report::ImageProposals& image, const fs::path& out) {
  auto list = ordered_json::array();
  for (const auto& [mask, predicted_iou, stability, score] : image.proposals) {
    ordered_json entry = {{"area", image::area(mask)}, {"bbox", image::bounding_box(mask)}};
    if (predicted_iou) entry[data::kPredictedIou] = *predicted_iou;
    if (stability) entry[data::kStability] = *stability;
    if (score) entry[data::kScore] = *score;
    list.push_back(std::move(entry));
  }
  return {{"image_id", image.image_id},
          {"file_name", image.file_name},
          {"out", out.string()},
          {"has_entry", image.has_entry},
          {"proposals", std::move(list)}};
}

void run_proposals_show(const ProposalsShowArguments& arguments, const GlobalOptions& globals) {
  data::Dataset dataset = runtime::open_dataset(load_data_source(arguments.source, globals).data);
  (void)dataset.proposals();  // Error where there are none
  const auto image_ids = arguments.images.empty()
                             ? report::spread_images(dataset, arguments.count)
                             : report::find_images(dataset.index(), arguments.images);
  if (image_ids.empty()) {
    throw core::Error(cat(dataset.proposals().source().string(),
                          " has an entry for none of the images of this dataset"));
  }
  const fs::path folder = arguments.out;
  core::ensure_writable_folder(folder);
  std::vector<image::Picture> cells;
  std::set<std::string> taken = {"sheet"};
  auto shown = ordered_json::array();
  core::Progress progress("drawing", static_cast<std::int64_t>(image_ids.size()), "images");
  for (const auto image_id : image_ids) {
    core::throw_if_stopped("what was drawn stays");
    const auto image = report::image_proposals(dataset, image_id);
    const fs::path out = folder / picture_name(image, taken);
    image::write_png(out, report::draw_proposals_apart(image));
    cells.push_back(report::draw_proposals_together(image));
    shown.push_back(to_json(image, out));
    progress.update(static_cast<std::int64_t>(shown.size()));
    if (globals.json) continue;
    const std::size_t count = image.proposals.size();
    std::cout << cat(out.string(), ": image_id ", image_id, ", ",
                     image.has_entry ? cat(count, count == 1 ? " proposal" : " proposals")
                                     : std::string("no entry"),
                     "\n");
  }
  progress.finish();
  const fs::path sheet = folder / "sheet.png";
  image::write_png(sheet, image::sheet(cells, kColumns));
  if (globals.json) {
    print_json({{"sheet", sheet.string()}, {"images", std::move(shown)}});
  } else {
    std::cout << sheet.string() << ": all of them\n";
  }
}

}  // namespace

void add_proposals_show(CLI::App& proposals, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<ProposalsShowArguments>();
  CLI::App* command = add_command(
      proposals, "show",
      "Draw images with their proposals, which are numbered from 0 in the file's order: all of "
      "them\n"
      "together, and each alone with its area and what its maker says of it. Writes a PNG an "
      "image\n"
      "and sheet.png with all images.",
      "  pcnet proposals show --root data\n"
      "  pcnet proposals show --root data --proposals proposals.jsonl --image 7 --image "
      "COCO_train2014_000000000009.jpg --out shown");
  add_data_source(*command, arguments->source);
  auto* images = command
                     ->add_option("--image", arguments->images,
                                  "this one, by its image_id, file name or path; repeatable")
                     ->type_name("ID|PATH")
                     ->allow_extra_args(false);
  command->add_option("--count", arguments->count, "without --image: so many, evenly spaced")
      ->type_name("N")
      ->check(CLI::Range(1, 200).description(""))
      ->capture_default_str()
      ->excludes(images);
  command->add_option("--out", arguments->out, "folder to write")
      ->type_name("DIR")
      ->capture_default_str();
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_proposals_show(*arguments, globals); };
  });
}

}  // namespace pcnet::app
