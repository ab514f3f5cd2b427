#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "pcnet/synth/benchmark.h"
#include "pcnet/synth/sample.h"
#include "pcnet/weights/pickle.h"

namespace pcnet::synth {

/// The file name of a picture, by its image id.
std::string picture_name(std::int64_t image_id);

/// Gathers samples in order and writes RefCOCO's annotation files.
class Writer {
 public:
  explicit Writer(Options options);

  /// The next picture; samples come in the order of their image ids, split after split.
  void append(const Sample& sample, const std::string& split);

  /// Writes every annotation file into `folder` and returns the counts.
  Summary write(const std::filesystem::path& folder);

 private:
  SplitSummary& split_summary(const std::string& split);
  void append_ref(const Sample& sample, std::size_t first, std::size_t last,
                  const std::string& split);
  void append_annotation(const Object& object, bool referred);
  void append_proposals(const Sample& sample);
  static void count_long(const Scene& scene, const Expression& expression, std::int64_t words,
                         SplitSummary& split);
  void count(const Sample& sample, SplitSummary& split) const;
  std::string instances() const;

  Options options_;
  Summary summary_;
  weights::PickleValue::List refs_;
  std::string images_;
  std::string annotations_;
  std::string cues_;
  std::string captions_;
  std::string proposals_;
  std::int64_t image_id_ = 0;
  std::int64_t annotation_id_ = 0;
  std::int64_t ref_id_ = 0;
  std::int64_t sentence_id_ = 0;
  std::int64_t unreferred_ = 0;
};

}  // namespace pcnet::synth
