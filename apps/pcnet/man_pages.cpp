#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/version.h"

#include "command.h"
#include "command_tree.h"

namespace pcnet::app {

namespace {

using core::cat;

const std::string kExamples = "Examples:\n";
const std::string kExitCodes = "Exit codes: ";

/// Text as roff prints it: a minus that can be copied, quotes that stay what they are.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool starts_line = out.empty() || out.back() == '\n';
    if (starts_line && c == '.') out += "\\&";
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '"':
        out += "\\(dq";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string bold(const std::string& text) { return cat("\\fB", roff(text), "\\fR"); }
std::string italic(const std::string& text) { return cat("\\fI", roff(text), "\\fR"); }

/// "data synth" -> "pcnet-data-synth"
std::string page_name(const std::string& path) {
  return path.empty() ? "pcnet" : "pcnet-" + replaced(path, " ", "-");
}

/// Up to the first full stop that ends a sentence.
std::string first_sentence(const std::string& text) {
  std::string sentence = text.substr(0, text.find(". "));
  if (sentence.ends_with('.')) sentence.pop_back();
  return sentence;
}

std::string value_in_synopsis(const CLI::Option& option) {
  const std::string more = takes_list(option) ? " ..." : "";
  if (option.get_positional()) return italic(option.get_name(true)) + more;
  return takes_value(option) ? " " + italic(type_of(option)) + more : "";
}

// --- the parts of a footer -----------------------------------------------------------------------

struct Footer {
  std::vector<std::string> notes;  // paragraphs
  std::string examples;
  std::string exit_status;
};

Footer footer_of(const CLI::App& app) {
  Footer footer;
  std::istringstream lines(app.get_footer() + "\n\n");
  std::string paragraph;
  const auto end_paragraph = [&] {
    const std::size_t exit = paragraph.find(kExitCodes);
    if (paragraph.starts_with(kExamples)) {
      footer.examples = paragraph.substr(kExamples.size());
    } else if (exit != std::string::npos) {
      footer.notes.push_back(paragraph.substr(0, exit));
      footer.exit_status = paragraph.substr(exit + kExitCodes.size());
    } else if (!paragraph.empty() && !paragraph.starts_with(kGlobalsNote)) {
      footer.notes.push_back(paragraph);
    }
    paragraph.clear();
  };
  for (std::string line; std::getline(lines, line);) {
    line.empty() ? end_paragraph() : void(paragraph += line + "\n");
  }
  return footer;
}

// --- the sections of a page ----------------------------------------------------------------------

std::string heading(const CLI::App& app, const std::string& path) {
  std::string title = page_name(path);
  for (char& c : title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return cat(".TH ", roff(title), " 1 \"\" \"pcnet ", core::version(), "\" \"pcnet\"\n.SH NAME\n",
             roff(page_name(path)), " \\- ", roff(first_sentence(one_line(app.get_description()))),
             "\n");
}

std::string synopsis(const CLI::App& app, const std::string& path) {
  std::string out = cat(".SH SYNOPSIS\n", bold(path.empty() ? "pcnet" : "pcnet " + path));
  for (const CLI::Option* option : options_in(app)) {
    if (!option->get_required()) continue;
    out += cat(" ", bold(names_of(*option).back()), value_in_synopsis(*option));
  }
  out += " [" + italic("options") + "]";
  for (const CLI::Option* argument : arguments_in(app)) {
    const std::string text = value_in_synopsis(*argument);
    out += argument->get_required() ? " " + text : cat(" [", text, "]");
  }
  if (!commands_in(app).empty()) out += " [" + italic("command") + "]";
  return out + "\n";
}

std::string description(const CLI::App& app, const Footer& footer) {
  std::string out = cat(".SH DESCRIPTION\n", roff(one_line(app.get_description())), "\n");
  for (const auto& note : footer.notes) out += cat(".PP\n", roff(one_line(note)), "\n");
  return out;
}

/// A row of a list of options or arguments.
std::string entry(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : names_of(option)) {
    names.push_back(option.get_positional() ? italic(name) : bold(name));
  }
  const std::string type = type_of(option);
  std::vector<std::string> facts;
  const std::string help = one_line(option.get_description());
  if (!help.empty()) facts.push_back(help);
  if (option.get_required()) facts.emplace_back("Required");
  if (!option.get_default_str().empty()) facts.push_back("Default: " + option.get_default_str());
  std::vector<std::string> others;
  for (const CLI::Option* other : option.get_excludes()) others.push_back(names_of(*other).back());
  if (!others.empty()) facts.push_back("Not with " + core::join(others, ", "));
  return cat(".TP\n", core::join(names, ", "), type.empty() ? "" : " " + italic(type),
             takes_list(option) ? " ..." : "", "\n", roff(core::join(facts, ". ")), ".\n");
}

std::string arguments(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* argument : arguments_in(app)) out += entry(*argument);
  return out.empty() ? "" : ".SH ARGUMENTS\n" + out;
}

/// Options with their groups as sub-sections.
std::string options(const CLI::App& app, const std::string& title) {
  const auto all = options_in(app);
  std::vector<std::string> groups = {"Options"};
  for (const CLI::Option* option : all) {
    const std::string& group = option->get_group();
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  std::string out;
  for (const auto& group : groups) {
    if (group != groups.front()) out += cat(".SS ", roff(group), "\n");
    for (const CLI::Option* option : all) {
      if (option->get_group() == group) out += entry(*option);
    }
  }
  return out.empty() ? "" : cat(".SH ", title, "\n", out);
}

std::string commands(const CLI::App& app, const std::string& path) {
  std::string out;
  for (const CLI::App* inner : commands_in(app)) {
    const std::string page =
        page_name(path.empty() ? inner->get_name() : cat(path, " ", inner->get_name()));
    out += cat(".TP\n", bold(inner->get_name()), "\n", roff(one_line(inner->get_description())),
               " See ", bold(page), "(1).\n");
  }
  return out.empty() ? "" : ".SH COMMANDS\n" + out;
}

std::string examples(const Footer& footer) {
  return cat(".SH EXAMPLES\n.nf\n", roff(footer.examples), ".fi\n");
}

std::string see_also(const CLI::App& app, const std::string& path) {
  std::vector<std::string> pages;
  if (app.get_parent() != nullptr) {
    const std::size_t space = path.rfind(' ');
    pages.push_back(page_name(space == std::string::npos ? "" : path.substr(0, space)));
    for (const CLI::App* other : commands_in(*app.get_parent())) {
      if (other != &app) pages.push_back(cat(pages.front(), "-", other->get_name()));
    }
  }
  for (const CLI::App* inner : commands_in(app)) {
    pages.push_back(cat(page_name(path), "-", inner->get_name()));
  }
  for (auto& page : pages) page = bold(page) + "(1)";
  return cat(".SH SEE ALSO\n", core::join(pages, ",\n"), "\n");
}

std::string man_page(const CLI::App& root, const Command& command) {
  const CLI::App& app = *command.app;
  const Footer footer = footer_of(app);
  std::string out = heading(app, command.path) + synopsis(app, command.path) +
                    description(app, footer) + commands(app, command.path) + arguments(app);
  if (&app != &root) out += options(app, "OPTIONS");
  return out + options(root, "GLOBAL OPTIONS") + examples(footer) + ".SH EXIT STATUS\n" +
         roff(one_line(footer_of(root).exit_status)) + "\n" + see_also(app, command.path);
}

// --- the command ---------------------------------------------------------------------------------

struct ManArguments {
  std::vector<std::string> command;
  std::string out;
};

void print_page(const CLI::App& root, const std::string& path) {
  for (const auto& command : all_commands(root)) {
    if (command.path == path) {
      std::cout << man_page(root, command);
      return;
    }
  }
  throw core::UsageError(cat("`pcnet ", path, "` is no command; see `pcnet --help`"));
}

void write_pages(const CLI::App& root, const std::filesystem::path& folder) {
  core::ensure_writable_folder(folder);
  for (const auto& command : all_commands(root)) {
    core::write_file(folder / (page_name(command.path) + ".1"), man_page(root, command),
                     core::Sync::kLater);
  }
  core::sync_folder(folder);
}

}  // namespace

void add_man(CLI::App& root, Action& action) {
  auto arguments = std::make_shared<ManArguments>();
  CLI::App* command = add_command(root, "man", "Print the manual page of a command, or write all.",
                                  "  pcnet man data synth | man -l -\n"
                                  "  pcnet man --out ~/.local/share/man/man1");
  auto* words = command
                    ->add_option("COMMAND", arguments->command,
                                 "whose page, e.g. `data synth`; without one that of pcnet")
                    ->type_name("");
  command->add_option("--out", arguments->out, "write the pages of all commands to this folder")
      ->type_name("DIR")
      ->excludes(words);
  command->callback([arguments, &root, &action] {
    action = [arguments, &root] {
      if (!arguments->out.empty()) return write_pages(root, arguments->out);
      print_page(root, core::join(arguments->command, " "));
    };
  });
}

}  // namespace pcnet::app
