#include "pcnet/config/config.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>

#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pcnet/core/format.h"

#include "command.h"

namespace pcnet::app {

namespace {

namespace fs = std::filesystem;
using core::cat;
using Json = nlohmann::ordered_json;

/// A config file, or a run folder that holds one.
fs::path config_file(const std::string& named) {
  const fs::path path(named);
  return fs::is_directory(path) ? path / "config.yaml" : path;
}

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out;
}

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 40) return 100;
  return size.ws_col;
}

// --- config show -------------------------------------------------------------------------------

void show_json(const config::ResolvedConfig& resolved) {
  Json origins = Json::object();
  for (const auto& doc : config::documentation()) {
    origins[doc.key] = resolved.origins.at(doc.key);
  }
  print_json({{"values", config::to_json(resolved.values)}, {"origins", origins}});
}

void show_text(const config::ResolvedConfig& resolved) {
  std::vector<std::string> lines;
  std::size_t widest = 0;
  std::istringstream yaml(config::to_yaml(resolved.values));
  for (std::string line; std::getline(yaml, line);) {
    lines.push_back(line);
    if (line.size() <= 48) widest = std::max(widest, line.size());
  }
  // The lines that hold a value are the documented keys, in the same order.
  const auto docs = config::documentation();
  auto doc = docs.begin();
  for (const auto& line : lines) {
    if (line.back() == ':') {
      std::cout << line << "\n";
      continue;
    }
    std::cout << padded(line, widest) << "  # " << resolved.origins.at(doc->key) << "\n";
    ++doc;
  }
}

void add_show(CLI::App& parent, const GlobalOptions& globals, Action& action) {
  auto file = std::make_shared<std::string>();
  CLI::App* command =
      add_command(parent, "show", "Show the resolved configuration with the origin of each value.",
                  "  pcnet config show configs/refsynth/tris.yaml\n"
                  "  pcnet config show runs/demo --json\n"
                  "  pcnet config show configs/refsynth/tris.yaml --set train.batch_size=8");
  command->add_option("CONFIG", *file, "configuration file or run folder")
      ->type_name("CONFIG|RUN")
      ->required();
  command->callback([file, &globals, &action] {
    action = [file, &globals] {
      const auto resolved = config::load(config_file(*file), globals.overrides());
      globals.json ? show_json(resolved) : show_text(resolved);
    };
  });
}

// --- config diff -------------------------------------------------------------------------------

void print_difference(const std::vector<config::Difference>& differences) {
  std::size_t key_width = 0;
  std::size_t left_width = 0;
  for (const auto& difference : differences) {
    key_width = std::max(key_width, difference.key.size());
    left_width = std::max(left_width, difference.left.size());
  }
  for (const auto& difference : differences) {
    std::cout << padded(difference.key, key_width) << "  " << padded(difference.left, left_width)
              << "  " << difference.right << "\n";
  }
}

void add_config_diff(CLI::App& parent, const GlobalOptions& globals, Action& action) {
  auto left = std::make_shared<std::string>();
  auto right = std::make_shared<std::string>();
  CLI::App* command =
      add_command(parent, "diff", "Show the keys whose values differ.",
                  "  pcnet config diff configs/refsynth/clip.yaml configs/refsynth/tris.yaml\n"
                  "  pcnet config diff runs/a runs/b --json");
  command->add_option("A", *left, "configuration file or run folder")
      ->type_name("CONFIG|RUN")
      ->required();
  command->add_option("B", *right, "another one")->type_name("CONFIG|RUN")->required();
  command->callback([left, right, &globals, &action] {
    action = [left, right, &globals] {
      const auto differences =
          config::difference(config::load(config_file(*left), globals.overrides()).values,
                             config::load(config_file(*right), globals.overrides()).values);
      if (!globals.json) return print_difference(differences);
      Json out = Json::array();
      for (const auto& difference : differences) {
        out.push_back(
            {{"key", difference.key}, {"left", difference.left}, {"right", difference.right}});
      }
      print_json(out);
    };
  });
}

// --- config docs -------------------------------------------------------------------------------

void print_wrapped(const std::string& text, std::size_t indent, std::size_t width) {
  std::istringstream words(text);
  std::string line;
  for (std::string word; words >> word;) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > width) {
      std::cout << std::string(indent, ' ') << line << "\n";
      line.clear();
    }
    line += cat(line.empty() ? "" : " ", word);
  }
  if (!line.empty()) std::cout << std::string(indent, ' ') << line << "\n";
}

const char* word_of(config::Affects affects) {
  switch (affects) {
    case config::Affects::kResults:
      return "results";
    case config::Affects::kAnswers:
      return "answers";
    case config::Affects::kArithmetic:
      return "arithmetic";
    case config::Affects::kCourse:
      return "course";
    case config::Affects::kNothing:
      return "nothing";
  }
  return "";
}

void docs_text(const std::vector<config::KeyDoc>& docs) {
  const std::size_t width = std::min<std::size_t>(terminal_width(), 100);
  for (const auto& doc : docs) {
    std::vector<std::string> facts = {doc.type};
    if (!doc.unit.empty()) facts.push_back(cat("in ", doc.unit));
    if (!doc.range.empty()) facts.push_back(doc.range);
    facts.push_back(cat("default ", doc.default_value));
    std::cout << doc.key << "\n";
    print_wrapped(core::join(facts, ", "), 4, width);
    print_wrapped(cat(doc.help, doc.source.empty() ? "" : cat(" [", doc.source, "]")), 4, width);
  }
}

void docs_json(const std::vector<config::KeyDoc>& docs) {
  Json out = Json::array();
  for (const auto& doc : docs) {
    out.push_back({{"key", doc.key},
                   {"type", doc.type},
                   {"unit", doc.unit},
                   {"default", doc.default_value},
                   {"range", doc.range},
                   {"source", doc.source},
                   {"help", doc.help},
                   {"affects", word_of(doc.affects)},
                   {"packed", doc.packed}});
  }
  print_json(out);
}

std::string cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) {
    text.insert(at, "\\");
  }
  return text;
}

/// A page of the project is linked from beside it, the paper is named.
std::string linked(const std::string& source) {
  std::vector<std::string> parts;
  std::istringstream rest(source);
  for (std::string part; std::getline(rest, part, ';');) {
    part.erase(0, part.find_first_not_of(' '));
    const std::size_t end = part.find(".md");
    const bool page = part.starts_with("docs/") && end != std::string::npos;
    parts.push_back(page ? cat("[", part.substr(5, end - 5), "](", part.substr(5), ")") : part);
  }
  return core::join(parts, ", ");
}

std::string markdown_row(const config::KeyDoc& doc) {
  std::vector<std::string> facts = {doc.type};
  if (!doc.unit.empty()) facts.push_back(doc.unit);
  if (!doc.range.empty()) facts.push_back(doc.range);
  const std::string source = doc.source.empty() ? "" : cat(" (", linked(doc.source), ")");
  return cat("| `", doc.key, "` | ", cell(core::join(facts, ", ")), " | `", cell(doc.default_value),
             "` | ", cell(doc.help), source, " | ", word_of(doc.affects),
             doc.packed ? ", packs" : "", " |\n");
}

void docs_markdown(const std::vector<config::KeyDoc>& docs) {
  std::cout
      << "# Configuration\n\n"
         "Every key of a configuration file, with its default (profile `paper`). In a file the "
         "dots are\nlevels; on the command line `--set key=value` sets any of them. Made by "
         "`pcnet config docs --markdown`.\n\n"
         "What another value affects: *results*, what is learned or measured, so that a run is not "
         "resumed\nwith it; *answers*, what is measured of a trained model: a study evaluates it "
         "again; *arithmetic*, the last\nbits alone; *course*, what happens to a run in trouble; "
         "*nothing*, speed, places and what is written\nbeside the results. *packs*: a pack holds "
         "what the key makes of the dataset.\n";
  std::string part;
  for (const auto& doc : docs) {
    const std::string of = doc.key.substr(0, doc.key.rfind('.'));
    if (of != part) {
      std::cout << "\n## " << of
                << "\n\n| key | type | default | meaning | affects |\n|---|---|---|---|---|\n";
    }
    part = of;
    std::cout << markdown_row(doc);
  }
}

void add_docs(CLI::App& parent, const GlobalOptions& globals, Action& action) {
  auto markdown = std::make_shared<bool>(false);
  CLI::App* command = add_command(
      parent, "docs", "List every key with type, unit, default, range, source and meaning.",
      "  pcnet config docs\n"
      "  pcnet config docs --markdown > docs/configuration.md");
  command->add_flag("--markdown", *markdown, "as the page docs/configuration.md");
  command->callback([markdown, &globals, &action] {
    action = [markdown, &globals] {
      const auto docs = config::documentation();
      if (globals.json) return docs_json(docs);
      *markdown ? docs_markdown(docs) : docs_text(docs);
    };
  });
}

}  // namespace

void add_config(CLI::App& root, const GlobalOptions& globals, Action& action) {
  CLI::App* command = add_command(root, "config", "Show, compare and document configurations.",
                                  "  pcnet config show configs/refsynth/tris.yaml\n"
                                  "  pcnet config docs");
  add_show(*command, globals, action);
  add_config_diff(*command, globals, action);
  add_docs(*command, globals, action);
}

}  // namespace pcnet::app
