#include "growing_lines.h"

#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/output_path.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using core::Error;

namespace {

fs::path partial_of(const fs::path& out) { return out.string() + ".partial"; }

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

bool GrowingLines::is_whole(const fs::path& out, std::string_view head, bool replace) {
  core::require_regular_file(out);
  if (replace) {
    fs::remove(partial_of(out));
    return false;
  }
  if (!fs::exists(out)) return false;
  if (first_line(core::read_file(out)) == head) return true;
  throw Error(cat(out.string(),
                  " is there already, made with other settings or weights, or by another program: "
                  "--replace writes it anew, or choose another file with --out"));
}

void GrowingLines::reopen(const fs::path& out) {
  if (fs::exists(partial_of(out))) return;  // by a call that was stopped
  core::write_file(partial_of(out), core::read_file(out));
}

GrowingLines::GrowingLines(fs::path out, std::string_view head)
    : out_(std::move(out)), lines_(partial_of(out_)), there_(lines_.read()) {
  if (there_.empty()) {
    lines_.append(head);
    there_ = head;
  }
  if (first_line(there_) == head) return;
  throw Error(cat(name(),
                  " was begun with other settings, weights or another dataset: --replace begins "
                  "anew, or choose another file with --out"));
}

void GrowingLines::commit() {
  lines_.sync();
  fs::rename(lines_.path(), out_);
}

}  // namespace pcnet::runtime
