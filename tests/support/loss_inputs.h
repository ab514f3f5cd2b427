#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/config/field.h"
#include "pcnet/losses/calibration.h"
#include "pcnet/losses/region_aware_shrinking.h"
#include "pcnet/losses/text_pairs.h"

#include "support/choices.h"

/// Inputs of the losses for tests, and every way to set their options.
namespace pcnet::support {

struct LossSizes {
  std::int64_t pictures = 3;
  std::int64_t stages = 3;
  std::int64_t partners = 2;
  std::int64_t proposals = 5;
  std::int64_t height = 4;
  std::int64_t width = 5;
};

/// Overlapping rectangles [B, P, h, w] uint8. The last plane of each picture is padding, and with
/// more than two pictures the second picture has nothing else.
at::Tensor random_proposals(const LossSizes& sizes);

/// Random maps in double precision of both signs; CLIP scores in [0, 1].
losses::StageMaps random_stage_maps(const LossSizes& sizes, std::uint64_t seed);

/// The same; the last partner of the first picture is none when there are two.
losses::TextPairs random_text_pairs(const LossSizes& sizes, std::uint64_t seed);

/// Cosines between 0.1 and 0.9 of three pictures and two negative texts each.
losses::CalibrationScores random_calibration(std::uint64_t seed);

/// A picture of one row: each proposal is a list of its cells. -> [1, P, 1, width] uint8
at::Tensor row_proposals(std::int64_t width, const std::vector<std::vector<std::int64_t>>& cells);

/// The values that a switch (a choice of words, a bool, a small integer) may have; numbers without
/// a small range keep their default.
template <class Options, class T>
std::vector<T> switch_values(T Options::*member, const config::FieldInfo& info) {
  if constexpr (std::is_same_v<T, bool>) return {false, true};
  if constexpr (config::IsChoice<T>) {
    return every<typename T::Enum>();
  }
  if constexpr (std::is_same_v<T, std::int64_t>) {
    if (info.max == 1) return {0, 1};
  }
  return {Options{}.*member};
}

/// Every combination of the switches.
template <class Options>
std::vector<Options> every_setting() {
  std::vector<Options> all{Options{}};
  Options::fields([&all](std::string_view, auto member, const config::FieldInfo& info) {
    std::vector<Options> more;
    for (const Options& options : all) {
      for (const auto& value : switch_values(member, info)) {
        more.push_back(options);
        more.back().*member = value;
      }
    }
    all = std::move(more);
  });
  return all;
}

/// The defaults with one switch turned, by the name of the switch.
template <class Options>
std::vector<std::pair<std::string, Options>> turned_switches() {
  std::vector<std::pair<std::string, Options>> all;
  Options::fields([&all](std::string_view name, auto member, const config::FieldInfo& info) {
    for (const auto& value : switch_values(member, info)) {
      Options options;
      if (options.*member == value) continue;
      options.*member = value;
      all.emplace_back(name, options);
    }
  });
  return all;
}

}  // namespace pcnet::support
