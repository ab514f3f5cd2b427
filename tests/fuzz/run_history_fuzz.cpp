#include <cmath>

#include "pcnet/report/run_history.h"

#include "fuzz.h"

/// What is read can be drawn: its values are finite.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  return fuzz::run(data, size, [](std::string_view text) {
    const auto history = report::parse_run_history(text);
    for (const auto* group : {&history.losses, &history.course, &history.validations}) {
      for (const auto& curve : *group) {
        for (const auto& [step, value] : curve.points) fuzz::require(std::isfinite(value));
      }
    }
  });
}
