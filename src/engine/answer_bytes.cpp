#include "pcnet/engine/answer_bytes.h"

#include <cstring>
#include <type_traits>

#include "pcnet/core/error.h"

namespace pcnet::engine {

namespace {

class Writer {
 public:
  template <class T>
  void put(const T& value) {
    static_assert(std::is_arithmetic_v<T>);
    static_assert(sizeof(bool) == 1);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));  // NOLINT: its bytes
  }

  std::string bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  void get(T& value) {
    static_assert(std::is_arithmetic_v<T>);
    if constexpr (std::is_same_v<T, bool>) {  // not any byte is one
      value = get<std::uint8_t>() != 0;
    } else {
      if (bytes_.size() < sizeof(value)) throw core::Error("answers of another process: cut off");
      std::memcpy(&value, bytes_.data(), sizeof(value));
      bytes_.remove_prefix(sizeof(value));
    }
  }
  template <class T>
  T get() {
    T value{};
    get(value);
    return value;
  }
  /// A number of things, each of at least one byte.
  std::size_t count() {
    const auto count = get<std::uint64_t>();
    if (count > bytes_.size()) throw core::Error("answers of another process: too many");
    return static_cast<std::size_t>(count);
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

/// Calls `each` with every number that answering fills in, but for vectors.
template <class Sentence, class Each>
void numbers_of(Sentence& sentence, Each each) {
  each(sentence.segmentation.height);
  each(sentence.segmentation.width);
  each(sentence.empty_map);
  each(sentence.no_proposal);
  each(sentence.off_proposals);
  each(sentence.tied);
  each(sentence.object_at_peak);
}

template <class Answer, class Each>
void numbers_of_stage(Answer& answer, Each each) {
  each(answer.peak.x);
  each(answer.peak.y);
  each(answer.peak.score);
  each(answer.score.hit);
  each(answer.score.hit_box);
  each(answer.score.intersection);
  each(answer.score.union_);
}

}  // namespace

std::string answer_bytes(const std::vector<EvaluatedSentence>& sentences) {
  Writer out;
  const auto put = [&](const auto& value) { out.put(value); };
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const EvaluatedSentence& sentence = sentences[i];
    if (sentence.stages.empty()) continue;
    out.put(std::uint64_t{i});
    numbers_of(sentence, put);
    out.put(std::uint64_t{sentence.stages.size()});
    for (const auto& stage : sentence.stages) numbers_of_stage(stage, put);
    out.put(std::uint64_t{sentence.segmentation.counts.size()});
    for (const auto count : sentence.segmentation.counts) out.put(count);
  }
  return std::move(out.bytes);
}

void fill_answers(std::string_view bytes, std::vector<EvaluatedSentence>& sentences) {
  Reader in(bytes);
  const auto get = [&](auto& value) { in.get(value); };
  while (!in.at_end()) {
    const auto place = in.get<std::uint64_t>();
    if (place >= sentences.size())
      throw core::Error("answers of another process: of another split");
    EvaluatedSentence& sentence = sentences[place];
    numbers_of(sentence, get);
    sentence.stages.resize(in.count());
    for (auto& stage : sentence.stages) numbers_of_stage(stage, get);
    sentence.segmentation.counts.resize(in.count());
    for (auto& count : sentence.segmentation.counts) in.get(count);
  }
}

}  // namespace pcnet::engine
