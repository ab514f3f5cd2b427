#include "pcnet/report/tensorboard.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::report {

namespace fs = std::filesystem;
using core::cat;

namespace {

constexpr std::string_view kPrefix = "events.out.tfevents.";

double now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count();
}

/// This machine's name, its odd letters replaced.
std::string host() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  std::string text = name.data();
  std::replace_if(
      text.begin(), text.end(),
      [](unsigned char letter) { return std::isalnum(letter) == 0 && letter != '-'; }, '_');
  return text;
}

/// The largest number of seconds in the names of the folder's event files, 0 without any.
std::int64_t newest_in(const fs::path& folder) {
  std::int64_t newest = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t seconds = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), seconds);
    newest = std::max(newest, seconds);
  }
  return newest;
}

}  // namespace

TensorBoard::TensorBoard(const fs::path& folder, std::int64_t resume_step) {
  // Readers take the files by name: a run that is resumed within a second must still sort last.
  const std::int64_t seconds = std::max(static_cast<std::int64_t>(now()), newest_in(folder) + 1);
  path_ = folder / cat(kPrefix, seconds, ".", host(), ".", ::getpid());
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    throw core::Error(cat("cannot write ", path_.string(), ": ", std::strerror(errno)));
  }
  write(version_event(now()));
  write(start_event(now(), resume_step + 1));
}

TensorBoard::~TensorBoard() { ::close(descriptor_); }

void TensorBoard::scalars(std::int64_t step, const Curves& values) {
  write(scalars_event(now(), step, values));
}

void TensorBoard::image(std::int64_t step, const std::string& tag, const EncodedPicture& picture) {
  write(image_event(now(), step, tag, picture));
}

void TensorBoard::write(std::string_view event) {
  const std::string record = event_record(event);
  for (std::string_view left = record; !left.empty();) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      throw core::Error(cat("cannot write ", path_.string(), ": ",
                            written < 0 ? std::strerror(errno) : "the disk is full"));
    }
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace pcnet::report
