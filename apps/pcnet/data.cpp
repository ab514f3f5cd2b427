#include <algorithm>
#include <iomanip>
#include <iostream>
#include <memory>
#include <sstream>

#include <nlohmann/json.hpp>

#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/synth/benchmark.h"
#include "pcnet/synth/manifest.h"

#include "command.h"
#include "data_commands.h"

namespace pcnet::app {

namespace {

struct SynthArguments {
  std::string out;
  synth::Options options;
};

std::string per(std::int64_t sum, std::int64_t count) {
  return core::fixed(count == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(count), 2);
}

std::string share(std::int64_t part, std::int64_t all) {
  return core::fixed(all == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(all),
                     1);
}

// One row of the table: a name and a cell for every split.
template <class Cell>
std::string row(const std::string& name, const synth::Summary& summary, const Cell& cell) {
  std::ostringstream out;
  out << std::left << std::setw(34) << name << std::right;
  for (const auto& split : summary.splits) out << std::setw(10) << cell(split);
  return out.str() + "\n";
}

using Split = synth::SplitSummary;

// What the table of the long language tells besides.
std::string long_rows(const synth::Summary& summary) {
  std::string text = row("fewest and most words", summary, [](const Split& s) {
    return core::cat(s.fewest_words, ", ", s.most_words);
  });
  for (std::size_t n = 0; n < 4; ++n) {
    text += row(core::cat("that need ", n + 1, n == 0 ? " fact, %" : " facts, %"), summary,
                [&](const Split& s) { return share(s.needed[n], s.all_sentences()); });
  }
  text += row("that name unseen combinations, %", summary,
              [](const Split& s) { return share(s.unseen, s.all_sentences()); });
  text += row("blind PointM %: object of shape", summary,
              [](const Split& s) { return core::fixed(s.object_of_shape, 1); });
  text += row("blind PointM %: by attributes", summary,
              [](const Split& s) { return core::fixed(s.object_of_attributes, 1); });
  return text;
}

std::string table(const synth::Summary& summary, bool is_long) {
  std::string text = row("", summary, [](const Split& s) { return s.name; });
  text += row("images", summary, [](const Split& s) { return s.images; });
  text += row("referred objects", summary, [](const Split& s) { return s.refs; });
  text += row("sentences", summary, [](const Split& s) { return s.all_sentences(); });
  for (std::size_t kind = 0; kind < (is_long ? 4 : 3); ++kind) {
    const char* const names[] = {"  by attributes", "  by position", "  by relation",
                                 "  by position and relation"};
    text += row(names[kind], summary, [&](const Split& s) { return s.sentences[kind]; });
  }
  text += row("sentences an image", summary,
              [](const Split& s) { return per(s.all_sentences(), s.images); });
  text += row("words a sentence", summary,
              [](const Split& s) { return per(s.words, s.all_sentences()); });
  text += row("different cues a sentence", summary,
              [](const Split& s) { return per(s.real_cues, s.all_sentences()); });
  text += row("objects an image", summary, [](const Split& s) { return per(s.objects, s.images); });
  text +=
      row("proposals an image", summary, [](const Split& s) { return per(s.proposals, s.images); });
  text += row("blind PointM %: random pixel", summary,
              [](const Split& s) { return core::fixed(s.random_pixel, 1); });
  text += row("blind PointM %: centre pixel", summary,
              [](const Split& s) { return core::fixed(s.centre_pixel, 1); });
  text += row("blind PointM %: random object", summary,
              [](const Split& s) { return core::fixed(s.random_object, 1); });
  return is_long ? text + long_rows(summary) : text;
}

void run_synth(const SynthArguments& arguments, const GlobalOptions& globals) {
  synth::Options options = arguments.options;
  options.threads = std::max(globals.threads, 0);
  const synth::Summary summary = synth::write_benchmark(arguments.out, options);
  core::log::info(core::cat(summary.already_there ? "already there, nothing to do: " : "wrote ",
                            arguments.out));
  if (!globals.json) {
    std::cout << table(summary, synth::is_long(options));
    return;
  }
  nlohmann::ordered_json document = {{"out", arguments.out},
                                     {"already_there", summary.already_there}};
  document.update(synth::to_json(options, summary));
  print_json(document);
}

void add_synth(CLI::App& data, const GlobalOptions& globals, Action& action) {
  CLI::App* command = add_command(
      data, "synth", "Write the synthetic referring benchmark in RefCOCO's own file formats.",
      "  pcnet data synth --out runs/refsynth\n"
      "  pcnet data synth --out small --images 300 --difficulty easy --seed 1\n"
      "  pcnet data synth --out runs/long --language long\n"
      "  pcnet data synth --out tree --dataset refcoco    the public `refer` tool knows datasets\n"
      "                                                   by name: it loads the tree as RefCOCO");
  auto arguments = std::make_shared<SynthArguments>();
  synth::Options& options = arguments->options;
  command->add_option("--out", arguments->out, "folder to create; it must not hold anything else")
      ->type_name("DIR")
      ->required();
  command
      ->add_option("--images", options.images,
                   "images in all; val, testA and testB get a fifteenth each")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--seed", options.seed, "the same seed gives the same bytes everywhere")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return text.starts_with('-') ? std::string("wanted a whole number from 0") : "";
          },
          ""))
      ->type_name("S")
      ->capture_default_str();
  command->add_option("--difficulty", options.difficulty, "how hard it is to tell the objects")
      ->type_name("easy|standard|hard")
      ->capture_default_str();
  command
      ->add_option("--language", options.language,
                   "wording: a noun phrase, or whole sentences of 8 to 14 words")
      ->type_name("short|long")
      ->capture_default_str();
  command->add_option("--dataset", options.dataset, "name of the annotations' folder")
      ->type_name("NAME")
      ->capture_default_str();
  command->callback([arguments, &globals, &action] {
    action = [=, &globals] { run_synth(*arguments, globals); };
  });
}

}  // namespace

void add_data(CLI::App& root, const GlobalOptions& globals, Action& action) {
  CLI::App* data = add_command(root, "data", "Make and look at datasets.",
                               "  pcnet data synth --out data\n"
                               "  pcnet data check --root data\n"
                               "  pcnet data show --root data --split val");
  data->require_subcommand(1);
  add_synth(*data, globals, action);
  add_data_convert(*data, globals, action);
  add_data_check(*data, globals, action);
  add_data_stats(*data, globals, action);
  add_data_show(*data, globals, action);
  add_data_pack(*data, globals, action);
}

}  // namespace pcnet::app
