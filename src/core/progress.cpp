#include "pcnet/core/progress.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pcnet/core/format.h"
#include "pcnet/core/log.h"

#include "terminal.h"

namespace pcnet::core {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr Seconds kRedraw{0.1};
constexpr Seconds kPlainLine{5.0};
constexpr std::size_t kBarCells = 24;
constexpr std::size_t kFewestCells = 8;

bool silent() { return log::level() < log::Level::kInfo; }

// Counts and cuts whole UTF-8 characters, so that a note in any language leaves no half letter.
bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; }

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string cut(std::string_view text, std::size_t most) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (starts_character(text[i]) && seen++ == most) return std::string(text.substr(0, i));
  }
  return std::string(text);
}

std::string rate_text(double rate, const std::string& unit) {
  if (rate < 0.1) return cat(fixed(60 * rate, 2), " ", unit, "/min");
  return cat(fixed(rate, rate < 10 ? 2 : 1), " ", unit, "/s");
}

std::string bar_text(double fraction, std::size_t cells) {
  const auto full = static_cast<std::size_t>(std::lround(fraction * static_cast<double>(cells)));
  return cat("[", std::string(full, '#'), std::string(cells - full, '-'), "]");
}

}  // namespace

Progress::Progress(std::string what, std::int64_t total, std::string unit, std::int64_t already)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      already_(already),
      done_(already),
      start_(Clock::now()),
      drawn_(start_) {}

Progress::~Progress() {
  if (!finished_) terminal::show_bar({});
}

void Progress::update(std::int64_t done, std::string_view note, std::vector<std::string> more) {
  done_ = done;
  note_ = note;
  more_ = std::move(more);
  if (finished_ || silent()) return;
  const auto now = Clock::now();
  if (now - drawn_ < (terminal::is_terminal() ? kRedraw : kPlainLine)) return;
  drawn_ = now;
  draw(/*last=*/false);
}

void Progress::finish() {
  if (std::exchange(finished_, true)) return;
  terminal::show_bar({});
  if (!silent()) draw(/*last=*/true);
}

void Progress::draw(bool last) {
  const double seconds = Seconds(Clock::now() - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_ - already_) / seconds : 0.0;
  const bool known = total_ > 0;
  const double fraction =
      known ? std::clamp(static_cast<double>(done_) / static_cast<double>(total_), 0.0, 1.0) : 0.0;

  std::vector<std::string> facts;
  facts.push_back(known ? cat(done_, "/", total_, " ", unit_) : cat(done_, " ", unit_));
  if (rate > 0) facts.push_back(rate_text(rate, unit_));
  if (last) {
    facts.push_back(cat("in ", human_seconds(seconds)));
  } else if (known && rate > 0) {
    const double left = static_cast<double>(std::max<std::int64_t>(total_ - done_, 0)) / rate;
    facts.push_back(cat(human_seconds(left), " left"));
  }
  if (!note_.empty()) facts.push_back(note_);

  std::string text = join(facts, ", ");
  const std::string percent = known ? cat(static_cast<int>(fraction * 100), "% ") : "";
  if (last || !terminal::is_terminal()) {
    for (const auto& fact : more_) text += cat(", ", fact);
    terminal::write_line(cat(what_, ": ", percent, text));
    return;
  }
  // The last column stays free: some terminals wrap as soon as it is written.
  const auto room = static_cast<std::size_t>(std::max(terminal::width() - 1, 1));
  std::string bar = cat(what_, " ", percent);
  for (const auto& fact : more_) {
    const std::size_t wanted = columns(bar) + columns(text) + columns(fact) + 2;
    if (wanted + kFewestCells + 3 > room) break;
    text += cat(", ", fact);
  }
  const std::size_t needed = columns(bar) + columns(text) + 3;
  if (known && needed + kFewestCells <= room) {
    bar += cat(bar_text(fraction, std::min(kBarCells, room - needed)), " ");
  }
  terminal::show_bar(cut(bar + text, room));
}

}  // namespace pcnet::core
