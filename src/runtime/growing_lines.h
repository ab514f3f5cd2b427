#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "pcnet/core/line_file.h"

namespace pcnet::runtime {

/// A file of lines behind a head that says what they were made with. It grows beside its name, as
/// `<out>.partial`, and gets it when it is whole: stopped or killed, it goes on there.
class GrowingLines {
 public:
  /// Whether `out` is whole already, with that head. Error when it is there with another one; with
  /// `replace` it is not looked at, and what was begun is removed.
  static bool is_whole(const std::filesystem::path& out, std::string_view head, bool replace);

  /// Begins anew where a whole `out` ends; until the end it stays as it is.
  static void reopen(const std::filesystem::path& out);

  /// Error when other lines were begun.
  GrowingLines(std::filesystem::path out, std::string_view head);

  /// What was there already, the head included.
  const std::string& there() const { return there_; }
  /// What names it in errors.
  std::string name() const { return lines_.path().string(); }
  /// @param line without its end
  void append(std::string_view line) { lines_.append(line); }
  void commit();

 private:
  std::filesystem::path out_;
  core::LineFile lines_;
  std::string there_;
};

}  // namespace pcnet::runtime
