#include <sstream>

#include <utf8proc.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/text/bpe_tokenizer.h"

#include "commands.h"

namespace pcnet::parity {

namespace {

template <class Answer>
void answer_lines(const std::string& in, const std::string& out, Answer answer) {
  std::istringstream lines(core::read_file(in));
  std::ostringstream answers;
  for (std::string line; std::getline(lines, line);) {
    answer(line, answers);
    answers << "\n";
  }
  core::write_file(out, answers.str());
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

/// A text a line, in hexadecimal. The answers: its ids; with a length, what was cut and the row.
void run_tokenize(const Words& words) {
  const text::BpeTokenizer tokenizer;
  answer_lines(words.at(1), words.at(2), [&](const std::string& line, std::ostream& answer) {
    std::vector<std::int64_t> ids;
    if (words.size() == 3) {
      ids = tokenizer.encode_words(from_hex(line));
    } else {
      const auto truncate = words.at(4) == "cut" ? text::Truncate::kCut : text::Truncate::kKeepEnd;
      const auto tokens = tokenizer.encode(from_hex(line), std::stoll(words.at(3)), truncate);
      answer << tokens.words << " " << tokens.cut << " ";
      ids = tokens.ids;
    }
    for (const auto id : ids) answer << id << " ";
  });
}

/// Ids a line; the answers are their texts in hexadecimal.
void run_detokenize(const std::string& in, const std::string& out) {
  const text::BpeTokenizer tokenizer;
  answer_lines(in, out, [&](const std::string& line, std::ostream& answer) {
    std::istringstream numbers(line);
    std::vector<std::int64_t> ids;
    for (std::int64_t id = 0; numbers >> id;) ids.push_back(id);
    for (const char c : tokenizer.decode(ids)) {
      constexpr std::string_view digits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      answer << digits[byte >> 4U] << digits[byte & 15U];
    }
  });
}

/// The code points that the library's Unicode tables know, as ranges "first last".
void run_assigned(const std::string& out) {
  std::ostringstream ranges;
  bool inside = false;
  for (int c = 0; c <= 0x110000; ++c) {
    const bool assigned = c < 0x110000 && utf8proc_category(c) != UTF8PROC_CATEGORY_CN;
    if (assigned && !inside) ranges << c << " ";
    if (!assigned && inside) ranges << c - 1 << "\n";
    inside = assigned;
  }
  core::write_file(out, ranges.str());
}

}  // namespace

void add_text(Commands& commands) {
  commands["tokenize"] = run_tokenize;
  commands["detokenize"] = [](const Words& words) { run_detokenize(words.at(1), words.at(2)); };
  commands["assigned"] = [](const Words& words) { run_assigned(words.at(1)); };
}

}  // namespace pcnet::parity
