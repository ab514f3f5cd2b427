#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "pcnet/report/event_bytes.h"

namespace pcnet::report {

/// Curves and pictures of a run for TensorBoard, in a file of its own. It is called
/// `events.out.tfevents.<seconds since 1970>.<host>.<process>`. An event is in the file as soon as
/// it is written; a kill tears no more than the last one, before which readers stop.
class TensorBoard {
 public:
  /// Begins a new file, which sorts after those in the folder. @param resume_step what those hold
  /// of later steps no longer counts (a run that goes on from a checkpoint repeats them)
  TensorBoard(const std::filesystem::path& folder, std::int64_t resume_step);
  ~TensorBoard();
  TensorBoard(const TensorBoard&) = delete;
  TensorBoard& operator=(const TensorBoard&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Error when it cannot be written (a full disk).
  void scalars(std::int64_t step, const Curves& values);
  void image(std::int64_t step, const std::string& tag, const EncodedPicture& picture);

 private:
  void write(std::string_view event);

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace pcnet::report
