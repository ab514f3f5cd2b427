#include "pcnet/report/run_history.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "pcnet/core/json.h"

namespace pcnet::report {

using nlohmann::ordered_json;

namespace {

std::int64_t step_of(const ordered_json& event) {
  const auto found = event.find("step");
  return found != event.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string kind_of(const ordered_json& event) {
  const auto found = event.find("event");
  return found != event.end() && found->is_string() ? found->get<std::string>() : "";
}

void add_point(std::vector<Curve>& curves, const std::string& name, std::int64_t step,
               const ordered_json& value) {
  constexpr double kMost = 1e100;  // a chart's range must have a width
  if (!value.is_number() || !(std::abs(value.get<double>()) < kMost)) return;
  auto found = std::find_if(curves.begin(), curves.end(),
                            [&](const Curve& curve) { return curve.name == name; });
  if (found == curves.end()) found = curves.insert(curves.end(), Curve{name, {}});
  found->points.emplace_back(step, value.get<double>());
}

void add_if_there(std::vector<Curve>& curves, const ordered_json& event, const char* name) {
  const auto found = event.find(name);
  if (found != event.end()) add_point(curves, name, step_of(event), *found);
}

void take_in(const ordered_json& event, RunHistory& history) {
  const std::string kind = kind_of(event);
  if (kind == "step") {
    const auto loss = event.find("loss");
    if (loss != event.end() && loss->is_object()) {
      for (const auto& [name, value] : loss->items()) {
        add_point(history.losses, name, step_of(event), value);
      }
    }
    for (const char* name : {"gradient_norm", "lr", "images_per_second"}) {
      add_if_there(history.course, event, name);
    }
  } else if (kind == "validation") {
    for (const char* name : {"point_m", "miou", "oiou"}) {
      add_if_there(history.validations, event, name);
    }
  } else {
    history.events.push_back(event);
  }
}

}  // namespace

RunHistory parse_run_history(std::string_view text) {
  RunHistory history;
  std::vector<ordered_json> events;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto event = core::try_parse_json<ordered_json>(line);
    if (!event.is_object() || kind_of(event).empty()) {
      ++history.unread;
      continue;
    }
    const std::string kind = kind_of(event);
    if (kind == "start" || kind == "resume") {
      // A killed process may have logged steps that no checkpoint knows: they are done again.
      history.repeated += static_cast<std::int64_t>(std::erase_if(
          events, [&](const auto& before) { return step_of(before) > step_of(event); }));
    }
    events.push_back(std::move(event));
  }
  for (const auto& event : events) {
    take_in(event, history);
    history.steps = std::max(history.steps, step_of(event));
  }
  return history;
}

}  // namespace pcnet::report
