#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/serve/answerer.h"
#include "pcnet/serve/call.h"
#include "pcnet/serve/examples.h"
#include "pcnet/serve/figures.h"
#include "pcnet/serve/limits.h"

namespace pcnet::serve {

/// What a server answers, whatever the connections: routes, who may ask, and how much at once.
class Service {
 public:
  struct Options {
    Limits limits;
    std::string token;  ///< empty: none is asked for
    /// The names by which this machine is asked where no token is.
    std::vector<std::string> hosts;
  };
  Service(Options options, Answerer& answerer, std::vector<Example> examples, Figures& figures,
          nlohmann::ordered_json results);

  /// A place among the requests that are read or answered at once, until the last copy goes. Null
  /// when all are taken: 429.
  using Place = std::shared_ptr<void>;
  Place take_place();

  /// What can be said against a request by its head, before its body is read.
  std::optional<Reply> refusal(const Call& head) const;
  /// The answer to one that is not refused. Does not throw.
  Reply reply(const Call& call, Deadline deadline);
  /// Counts an answer that was given to a request.
  void count(const Call& call, int status, double seconds);

  /// From now on what comes is refused; what came before is answered.
  void drain() { draining_ = true; }
  const Limits& limits() const { return options_.limits; }

 private:
  Reply answer(const Call& call, Deadline deadline);
  Reply predict(const Call& call, Deadline deadline);
  Reply example(std::string_view number) const;
  nlohmann::ordered_json model() const;
  nlohmann::ordered_json example_list() const;
  std::string metrics() const;

  Options options_;
  Answerer& answerer_;
  std::vector<Example> examples_;
  Figures& figures_;
  nlohmann::ordered_json results_;
  std::atomic<std::int64_t> taken_ = 0;
  std::atomic<bool> draining_ = false;
};

}  // namespace pcnet::serve
