#include "pcnet/cues/prompt.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "pcnet/core/embed.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "trimmed.h"

PCNET_EMBED(kPcnetCuesPrompt, PCNET_PROMPT);

namespace pcnet::cues {

using core::cat;
using core::Error;

namespace {

struct Part {
  std::string_view heading;
  std::string Prompt::*text;
};

constexpr std::array kParts = {Part{"general instruction", &Prompt::instruction},
                               Part{"output constraints", &Prompt::constraints},
                               Part{"in-context examples", &Prompt::examples},
                               Part{"question", &Prompt::question}};
constexpr std::string_view kSentence = "{sentence}";
constexpr std::string_view kCount = "{count}";

/// "[question]" -> "question"; empty for any other line, as the list of an example.
std::string_view heading_of(std::string_view line) {
  if (!line.starts_with('[') || !line.ends_with(']')) return {};
  const std::string_view name = line.substr(1, line.size() - 2);
  const bool words = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalpha(c) != 0 || c == '-' || c == ' ';
  });
  return words ? name : std::string_view{};
}

/// The part with this heading; kParts.size() for an unknown one.
std::size_t part_of(std::string_view heading) {
  const auto found = std::find_if(kParts.begin(), kParts.end(),
                                  [&](const Part& part) { return part.heading == heading; });
  return static_cast<std::size_t>(found - kParts.begin());
}

std::string unknown_heading(std::string_view heading) {
  std::vector<std::string> names;
  for (const Part& part : kParts) names.push_back(cat("[", part.heading, "]"));
  return cat("unknown heading [", heading, "], wanted ", core::join(names, ", "));
}

/// In one pass, so that a sentence that holds a placeholder stays what it is.
std::string replaced(std::string_view text, std::string_view sentence, const std::string& count) {
  std::string out;
  while (!text.empty()) {
    if (text.starts_with(kSentence)) {
      out += sentence;
      text.remove_prefix(kSentence.size());
    } else if (text.starts_with(kCount)) {
      out += count;
      text.remove_prefix(kCount.size());
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

std::string_view default_prompt() { return PCNET_EMBEDDED(kPcnetCuesPrompt); }

std::string Prompt::ask(std::string_view sentence, std::size_t count) const {
  std::vector<std::string> parts;
  for (const Part& part : kParts) {
    parts.push_back(replaced(this->*part.text, trimmed(sentence), std::to_string(count)));
  }
  return core::join(parts, "\n\n");
}

Prompt parse_prompt(std::string_view text, std::string_view name) {
  Prompt prompt;
  std::array<std::size_t, kParts.size()> line_of{};  // of each heading; 0: there is none
  const auto fail = [&](std::size_t line, const std::string& what) {
    throw Error(line == 0 ? cat(name, ": ", what) : cat(name, ":", line, ": ", what));
  };
  std::size_t part = kParts.size();
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string_view heading = heading_of(trimmed(line));
    if (!heading.empty()) {
      part = part_of(heading);
      if (part == kParts.size()) fail(number, unknown_heading(heading));
      if (line_of[part] != 0) fail(number, cat("[", heading, "] comes twice"));
      line_of[part] = number;
    } else if (part < kParts.size()) {
      ((prompt.*kParts[part].text) += line) += '\n';
    }
  }
  for (std::size_t k = 0; k < kParts.size(); ++k) {
    std::string& said = prompt.*kParts[k].text;
    said = std::string(trimmed(said));
    const std::string heading = cat("[", kParts[k].heading, "]");
    if (line_of[k] == 0) fail(0, cat("there is no ", heading));
    if (said.empty()) fail(line_of[k], cat("nothing stands under ", heading));
  }
  if (prompt.question.find(kSentence) == std::string::npos) {
    fail(line_of.back(),
         cat("[question] lacks ", kSentence, ", where the referring expression goes"));
  }
  return prompt;
}

}  // namespace pcnet::cues
