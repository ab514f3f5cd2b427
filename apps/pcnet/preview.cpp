#include "preview.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/picture.h"

namespace pcnet::app {

namespace {

using report::TerminalKind;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The terminal of this process, where what is typed comes at once and unseen; as before at the
/// end.
class Terminal {
 public:
  Terminal() : descriptor_(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    // A process in the background would be stopped when it changes the terminal.
    if (descriptor_ < 0 || ::tcgetpgrp(descriptor_) != ::getpgrp()) return;
    if (::tcgetattr(descriptor_, &before_) != 0) return;
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    ready_ = ::tcsetattr(descriptor_, TCSANOW, &raw) == 0;
  }
  ~Terminal() {
    if (ready_) ::tcsetattr(descriptor_, TCSAFLUSH, &before_);
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// What it answers until `end`, as far as it comes soon; empty where there is no terminal.
  std::string ask(const std::string& question, char end) const {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::milliseconds kPatience{300};
    std::string answer;
    if (!ready_ || ::write(descriptor_, question.data(), question.size()) < 0) return answer;
    const auto until = Clock::now() + kPatience;
    while (!answer.ends_with(end)) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
      pollfd waiting{descriptor_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) break;
      char byte = 0;
      if (::read(descriptor_, &byte, 1) <= 0) break;
      answer += byte;
    }
    return answer;
  }

 private:
  int descriptor_;
  bool ready_ = false;
  termios before_{};
};

TerminalKind kind_named(const std::string& word) {
  if (word == "sixel") return TerminalKind::kSixel;
  if (word == "kitty") return TerminalKind::kKitty;
  if (word == "blocks") return TerminalKind::kBlocks;
  constexpr const char* kAdvice = ": name sixel, kitty or blocks to have it all the same";
  if (::isatty(STDOUT_FILENO) == 0) {
    throw core::UsageError(core::cat("--preview needs a terminal on stdout", kAdvice));
  }
  if (!variable("NO_COLOR").empty()) {
    throw core::UsageError(core::cat("--preview needs colours, and NO_COLOR is set", kAdvice));
  }
  return report::terminal_kind(variable, [] { return Terminal().ask("\x1b[c", 'c'); });
}

/// What stands above the picture in its overlay is said as text.
image::Picture without_caption(image::Picture overlay, const runtime::Found& found) {
  const std::int64_t factor = overlay.width / found.size[1];  // small pictures are enlarged
  const std::int64_t height = std::min(found.size[0] * factor, overlay.height);
  const auto first = static_cast<std::ptrdiff_t>((overlay.height - height) * overlay.width * 3);
  overlay.rgb.erase(overlay.rgb.begin(), overlay.rgb.begin() + first);
  overlay.height = height;
  return overlay;
}

}  // namespace

Preview::Preview(const std::string& kind) : kind_(kind_named(kind)) {}

std::string Preview::draw(const runtime::Found& found) const {
  constexpr std::int64_t kWidthOfAColumn = 8;  // px, where the terminal does not say
  constexpr std::int64_t kHeightOfARow = 16;
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) {
    window = {};
    window.ws_col = 80;
    window.ws_row = 40;
  }
  const std::int64_t columns = window.ws_col;
  const std::int64_t rows = std::max(window.ws_row - 2, 1);  // the answer and the next prompt
  const image::Picture picture =
      without_caption(image::read_picture(found.base.string() + ".overlay.png"), found);
  if (kind_ == TerminalKind::kBlocks) {
    const std::string depth = variable("COLORTERM");
    return report::block_picture(report::shrink_into(picture, 2 * rows, columns),
                                 depth == "truecolor" || depth == "24bit");
  }
  const bool says = window.ws_xpixel > 0 && window.ws_ypixel > 0 && window.ws_row > 0;
  const std::int64_t width = says ? window.ws_xpixel : columns * kWidthOfAColumn;
  const std::int64_t row = says ? window.ws_ypixel / window.ws_row : kHeightOfARow;
  const auto fitted = report::shrink_into(picture, std::max<std::int64_t>(rows * row, 1), width);
  return (kind_ == TerminalKind::kSixel ? report::sixel_picture(fitted)
                                        : report::kitty_picture(fitted)) +
         "\n";
}

}  // namespace pcnet::app
