#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <set>

#include <nlohmann/json.hpp>

#include "pcnet/config/data_choices.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/report/dataset_sheet.h"
#include "pcnet/runtime/dataset_opening.h"
#include "pcnet/runtime/proposal_making.h"
#include "pcnet/runtime/proposal_scoring.h"

#include "command.h"
#include "data_source.h"

namespace pcnet::app {

namespace {

using core::cat;
namespace fs = std::filesystem;

constexpr std::int64_t kShown = 12;  // references of the sheet

struct MakeArguments {
  DataSource source;
  runtime::ProposalRequest request;
  std::string out;
  std::string sheet;
  std::string shard;
  std::string on_bad_image;
  std::string precision = "fp32";
};

/// "2/8" -> 2 and 8.
void read_shard(const std::string& text, runtime::ProposalRequest& request) {
  if (text.empty()) return;
  const std::size_t slash = text.find('/');
  const auto number = [&](const std::string& part) -> std::int64_t {
    if (part.empty() || part.size() > 6 ||
        part.find_first_not_of("0123456789") != std::string::npos) {
      throw core::UsageError(cat("--shard is \"", text, "\", wanted I/N, e.g. 2/8"));
    }
    return std::stoll(part);
  };
  request.shard = number(text.substr(0, slash));
  request.shards = slash == std::string::npos ? 0 : number(text.substr(slash + 1));
  if (request.shard < 1 || request.shard > request.shards) {
    throw core::UsageError(cat("--shard is \"", text, "\", wanted I/N with I from 1 to N"));
  }
}

/// References of the store's images, drawn with their proposals.
void write_sheet(config::Config config, const runtime::ProposalFile& file, const fs::path& out) {
  core::AtomicFile output(out);
  config.data.proposals = file.out.string();
  data::Dataset dataset = runtime::open_dataset(config.data);
  const auto& index = dataset.index();
  std::vector<std::size_t> shown;
  std::set<std::int64_t> seen;
  const std::size_t step = std::max<std::size_t>(1, index.references().size() / kShown);
  for (std::size_t i = 0; i < index.references().size() && shown.size() < kShown; i += step) {
    const auto image_id = index.references()[i].image_id;
    if (dataset.proposals().has(image_id) && seen.insert(image_id).second) shown.push_back(i);
  }
  if (shown.empty()) return;
  output.write(image::encode_png(report::draw_dataset_sheet(dataset, shown)));
  output.commit();
}

nlohmann::ordered_json to_json(const runtime::ProposalFile& file) {
  nlohmann::ordered_json document = {
      {"out", file.out.string()},      {"already_there", file.already_there},
      {"images", file.images},         {"made", file.made},
      {"proposals", file.proposals},   {"without", file.without},
      {"unreadable", file.unreadable}, {"seconds", file.seconds}};
  for (const auto& [part, seconds] : file.by_part) document["seconds_by_part"][part] = seconds;
  return document;
}

std::string to_text(const runtime::ProposalFile& file) {
  const double each = static_cast<double>(file.proposals) /
                      static_cast<double>(std::max<std::int64_t>(file.images, 1));
  std::string text =
      cat(file.out.string(), file.already_there ? " is there already: " : ": ", file.proposals,
          " proposals of ", file.images, " images, ", core::fixed(each, 1), " each");
  if (file.without > 0) text += cat("; ", file.without, " images have none");
  if (file.unreadable > 0) text += cat("; ", file.unreadable, " could not be read");
  if (file.made > 0 && file.seconds > 0) {
    text += cat("; ", core::fixed(60 * static_cast<double>(file.made) / file.seconds, 1),
                " images a minute");
  }
  double total = 0;
  for (const auto& part : file.by_part) total += part.second;
  std::vector<std::string> shares;
  for (const auto& [part, seconds] : file.by_part) {
    shares.push_back(cat(part, " ", core::fixed(100 * seconds / total, 0), " %"));
  }
  if (total > 0) text += cat(" (", core::join(shares, ", "), ")");
  return text + "\n";
}

void run_make(MakeArguments& arguments, const GlobalOptions& globals) {
  read_shard(arguments.shard, arguments.request);
  constexpr auto kPrecisions = proposals::words(proposals::SamPrecision{});
  const auto* named = std::find(kPrecisions.begin(), kPrecisions.end(), arguments.precision);
  arguments.request.precision =
      static_cast<proposals::SamPrecision>(std::distance(kPrecisions.begin(), named));
  GlobalOptions with = globals;
  if (!arguments.on_bad_image.empty()) {
    with.set.push_back("data.on_bad_image=" + arguments.on_bad_image);
  }
  const config::Config config = load_data_source(arguments.source, with);
  arguments.request.out = arguments.out;
  arguments.request.team = globals.team;
  const auto file = runtime::make_proposals(config, arguments.request);
  if (!globals.leads()) return;
  const fs::path sheet = arguments.sheet.empty() ? fs::path(file.out).replace_extension(".png")
                                                 : fs::path(arguments.sheet);
  if (arguments.sheet != "none") write_sheet(config, file, sheet);
  leave_stdout_to(file.out.string());
  if (globals.json) return print_json(to_json(file));
  std::cout << to_text(file);
  if (arguments.sheet != "none") std::cout << "drawn in " << sheet.string() << "\n";
}

void add_make(CLI::App& parent, const GlobalOptions& globals, Action& action) {
  CLI::App* command = add_command(
      parent, "make",
      "Make mask proposals for every image of a dataset, whatever its split. What is done is\n"
      "kept beside the file: stopped or killed, the same command goes on.",
      "  pcnet proposals make --root coco --dataset refcoco --split-by unc --weights "
      "sam_vit_h_4b8939.pth\n"
      "  pcnet proposals make --root coco --dataset refcoco --split-by unc --weights "
      "mobile_sam.pt\n"
      "  pcnet proposals make --root data --source grid");
  auto arguments = std::make_shared<MakeArguments>();
  runtime::ProposalRequest& request = arguments->request;
  add_data_source(*command, arguments->source);
  one_of(command->add_option(
             "--source", request.source,
             "sam: Segment Anything's automatic masks; freesolo; grid: edges and superpixels, "
             "without a network"),
         {"sam", "freesolo", "grid"})
      ->capture_default_str();
  command
      ->add_option("--weights", request.weights,
                   "of sam: ViT-B, L or H of segment-anything, or MobileSAM; of freesolo: its "
                   "released checkpoint")
      ->type_name("FILE");
  command->add_option("--out", arguments->out, "default: proposals.jsonl beside the annotations")
      ->type_name("FILE");
  command->add_flag("--replace", request.replace, "write anew what is there");
  command->add_option("--shard", arguments->shard, "one of N parts, each for a machine")
      ->type_name("I/N");
  command
      ->add_option("--on-bad-image", arguments->on_bad_image,
                   "error, or skip and count images that cannot be read (data.on_bad_image)")
      ->type_name(words_type(config::kWords<config::OnBadData>));
  command
      ->add_option("--sheet", arguments->sheet,
                   "PNG of some images with their proposals; default: beside the file; none: not "
                   "drawn")
      ->type_name("FILE|none");
  command
      ->add_option("--precision", arguments->precision,
                   "of sam: fp32; on CUDA also bf16 or fp16, faster and not the same masks")
      ->type_name(words_type(proposals::words(proposals::SamPrecision{})))
      ->check(CLI::IsMember(proposals::words(proposals::SamPrecision{})).description(""))
      ->capture_default_str();
  const char* group = "Mask generator (App. D)";
  auto& generator = request.generator;
  command->add_option("--points-per-side", generator.points_per_side, "clicks a side of the grid")
      ->check(CLI::Range(1, 128).description(""))
      ->group(group)
      ->capture_default_str();
  command->add_option("--pred-iou", generator.predicted_iou, "least predicted IoU of a mask")
      ->group(group)
      ->capture_default_str();
  command->add_option("--stability", generator.stability, "least stability of a mask")
      ->group(group)
      ->capture_default_str();
  command->add_option("--box-nms", generator.box_nms, "IoU of boxes above which one mask goes")
      ->check(between(0, 1))
      ->group(group)
      ->capture_default_str();
  command->add_option("--crop-layers", generator.crop_layers, "look again at 2^L by 2^L crops")
      ->check(CLI::Range(0, 5).description(""))
      ->group(group)
      ->capture_default_str();
  command
      ->add_option("--min-mask-region-area", generator.min_mask_region_area,
                   "remove smaller holes and islands, px; related work has 800")
      ->check(CLI::Range(0, 1000000).description(""))
      ->group(group)
      ->capture_default_str();
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_make(*arguments, globals); };
  });
}

void add_import(CLI::App& parent, const GlobalOptions& globals, Action& action) {
  struct Arguments {
    DataSource source;
    std::string from;
    std::string out;
    bool replace = false;
  };
  CLI::App* command = add_command(
      parent, "import",
      "Write SAM's, FreeSOLO's or the released code's files as one proposals.jsonl, filtered as\n"
      "data.proposal_filter says.",
      "  pcnet proposals import sam_masks --root coco --dataset refcoco --split-by unc");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("FROM", arguments->from, "file or folder of proposals")
      ->type_name("DIR|FILE")
      ->required();
  add_data_source(*command, arguments->source);
  command->add_option("--out", arguments->out, "default: proposals.jsonl beside the annotations")
      ->type_name("FILE");
  command->add_flag("--replace", arguments->replace, "write anew what is there");
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] {
      const auto file =
          runtime::import_proposals(load_data_source(arguments->source, globals), arguments->from,
                                    arguments->out, arguments->replace);
      leave_stdout_to(file.out.string());
      if (globals.json) return print_json(to_json(file));
      std::cout << to_text(file);
    };
  });
}

void add_score(CLI::App& parent, const GlobalOptions& globals, Action& action) {
  struct Arguments {
    DataSource source;
    runtime::ScoringRequest request;
    std::string method = "clip-crop";
    std::string out;
  };
  CLI::App* command = add_command(
      parent, "score",
      "Score the proposals of each sentence's image by CLIP alone, for data.clip_scores. What is\n"
      "done is kept beside the file: stopped or killed, the same command goes on.",
      "  pcnet proposals score --weights RN50.pt --root coco --dataset refcoco --split-by unc\n"
      "  pcnet proposals score --weights runs/clip --method clip-global-local --root data");
  auto arguments = std::make_shared<Arguments>();
  add_data_source(*command, arguments->source);
  command
      ->add_option("--weights", arguments->request.weights,
                   "CLIP with its attention pool: a file such as RN50.pt, a run or a checkpoint")
      ->type_name("FILE")
      ->required();
  command->add_option("--method", arguments->method, "clip-crop or clip-global-local (eval.method)")
      ->type_name("clip-crop|clip-global-local")
      ->capture_default_str();
  command->add_option("--split", arguments->request.splits, "whose sentences, repeatable")
      ->type_name("SPLIT")
      ->allow_extra_args(false)
      ->capture_default_str();
  command->add_option("--out", arguments->out, "default: clip_scores.jsonl beside the annotations")
      ->type_name("FILE");
  command->add_flag("--replace", arguments->request.replace, "write anew what is there");
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] {
      GlobalOptions with = globals;
      with.set.push_back("eval.method=" + arguments->method);
      arguments->request.out = arguments->out;
      const auto file =
          runtime::score_proposals(load_data_source(arguments->source, with), arguments->request);
      leave_stdout_to(file.out.string());
      if (globals.json) {
        return print_json({{"out", file.out.string()},
                           {"already_there", file.already_there},
                           {"sentences", file.sentences},
                           {"made", file.made},
                           {"seconds", file.seconds}});
      }
      std::cout << cat(file.out.string(), file.already_there ? " is there already: " : ": ",
                       "scores of ", file.sentences, " sentences\n");
    };
  });
}

void run_check(const DataSource& source, const GlobalOptions& globals) {
  const auto check = runtime::check_proposals(load_data_source(source, globals));
  if (globals.json) {
    print_json({{"source", check.source.string()},
                {"images", check.images},
                {"missing", check.missing},
                {"without", check.without},
                {"proposals", check.proposals},
                {"objects", check.objects},
                {"best_iou", 100 * check.best_iou},
                {"found", 100 * check.found},
                {"small_objects", check.small_objects}});
  } else {
    const double each = static_cast<double>(check.proposals) /
                        static_cast<double>(std::max<std::int64_t>(check.images, 1));
    std::cout << cat(check.source.string(), ": ", check.proposals, " proposals of ", check.images,
                     " images, ", core::fixed(each, 1), " each; ", check.missing,
                     " images have no entry, ", check.without, " an empty one\n");
    if (check.objects > 0) {
      std::cout << cat("of ", check.objects,
                       " objects that are referred to, the best proposal has an "
                       "IoU of ",
                       core::fixed(100 * check.best_iou, 1), " % on average, and of ",
                       core::fixed(100 * check.found, 1), " % at least 50 %; ", check.small_objects,
                       " objects have fewer than 1,000 px\n");
    }
  }
  if (check.missing > 0) throw ExitCode{1};
}

void add_check(CLI::App& parent, const GlobalOptions& globals, Action& action) {
  CLI::App* command = add_command(
      parent, "check",
      "Compare proposals with the dataset: images without any, and how well the best proposal\n"
      "of each object fits (the bound of the segmentor oracle-proposal). Exit code 1 when images\n"
      "have no entry.",
      "  pcnet proposals check --root data\n"
      "  pcnet proposals check --root data --proposals sam_masks");
  auto source = std::make_shared<DataSource>();
  add_data_source(*command, *source);
  command->callback([source, &globals, &action] {
    action = [source, &globals] { run_check(*source, globals); };
  });
}

}  // namespace

void add_proposals(CLI::App& root, const GlobalOptions& globals, Action& action) {
  CLI::App* command = add_command(
      root, "proposals", "Make, check, draw, import and score mask proposals (RaS, IaD).",
      "  pcnet proposals make --root coco --dataset refcoco --split-by unc --weights "
      "mobile_sam.pt\n"
      "  pcnet proposals check --root data\n"
      "  pcnet proposals show --root data --image 7");
  command->require_subcommand(1);
  add_make(*command, globals, action);
  add_check(*command, globals, action);
  add_proposals_show(*command, globals, action);
  add_import(*command, globals, action);
  add_score(*command, globals, action);
}

}  // namespace pcnet::app
