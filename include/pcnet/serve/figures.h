#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace pcnet::serve {

/// What a server counts, for several threads, as Prometheus reads it.
class Figures {
 public:
  /// A request was answered. @param route one of those that the server knows, so that clients
  /// cannot make new rows
  void answered(const std::string& route, int status, double seconds);
  void encoded(std::int64_t images);
  /// The network was asked about so many images at once.
  void asked(std::int64_t images);
  /// Gauges that whoever asks brings along, by name and help.
  struct Gauge {
    std::string name;
    std::string help;
    std::int64_t value;
  };
  std::string text(const std::vector<Gauge>& gauges) const;

 private:
  static constexpr std::array kSeconds = {0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                          0.5,   1.0,  2.5,   5.0,  10.0, 30.0};

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> requests_;
  std::array<std::int64_t, kSeconds.size() + 1> within_{};  // predictions, the last: slower
  double seconds_ = 0;
  std::int64_t batches_ = 0;
  std::int64_t images_ = 0;
  std::int64_t encoded_ = 0;
};

}  // namespace pcnet::serve
