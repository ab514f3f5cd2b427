#pragma once

#include <string>

#include "pcnet/report/terminal_picture.h"
#include "pcnet/runtime/prediction.h"

namespace pcnet::app {

/// Answers drawn into the terminal.
class Preview {
 public:
  /// @param kind sixel, kitty, blocks, or auto: what the terminal can, a UsageError where stdout is
  /// none or colours are not wanted (NO_COLOR)
  explicit Preview(const std::string& kind);

  /// The overlay of an answer, without its caption, as wide as it is or as the terminal.
  std::string draw(const runtime::Found& found) const;

 private:
  report::TerminalKind kind_;
};

}  // namespace pcnet::app
