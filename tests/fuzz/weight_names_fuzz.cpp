#include <sstream>
#include <vector>

#include <torch/types.h>

#include "pcnet/clip/weights.h"
#include "pcnet/sam/sam.h"
#include "pcnet/weights/state_dict.h"

#include "fuzz.h"

namespace {

using namespace pcnet;

constexpr int kMostDimensions = 6;

/// A tensor without memory a line: its name, then its sides. A line that describes none is passed
/// over.
weights::WeightFile file_of(const std::string& text) {
  weights::WeightFile file;
  file.path = "fuzz.pth";
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    std::vector<std::int64_t> shape;
    for (std::int64_t side = 0; words >> side && side >= 0 && shape.size() < kMostDimensions;) {
      shape.push_back(side);
    }
    try {
      file.content.tensors.emplace_back(
          name, torch::empty({}, torch::TensorOptions().device(torch::kMeta)).expand(shape));
    } catch (const c10::Error&) {  // more elements than can be counted
    }
  }
  return file;
}

}  // namespace

/// Which model a file holds, by names and shapes alone: what is told must be possible.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(data, size, [](auto text) {
    const auto file = file_of(std::string(text));
    const auto state = weights::find_state_dict(file);
    fuzz::require(state.tensors.size() <= file.content.tensors.size());
    fuzz::require(!weights::to_string(state.layout).empty());
    if (state.layout == weights::Layout::kSam) {
      const auto options = sam::options_of(state.tensors, "fuzz.pth");
      fuzz::require(options.tiny || options.vit.width % options.vit.heads == 0);
      fuzz::require(options.vit.width <= 2048 && options.grid() >= 1 && options.grid() <= 256);
    } else if (const auto encoders = clip::clip_tensors(state); !encoders.empty()) {
      (void)clip::options_of(encoders, "fuzz.pth");
    }
    (void)weights::require_layout(file, weights::Layout::kFreesolo, "another");
  });
}
