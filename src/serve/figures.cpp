#include "pcnet/serve/figures.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "pcnet/core/format.h"

namespace pcnet::serve {

using core::cat;

namespace {

std::string head(std::string_view name, std::string_view help, std::string_view type) {
  return cat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

std::string counter(std::string_view name, std::string_view help, std::int64_t value) {
  return cat(head(name, help, "counter"), name, " ", value, "\n");
}

}  // namespace

void Figures::answered(const std::string& route, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  ++requests_[{route, status}];
  if (route != "/v1/predict" || status != 200) return;
  const auto* bound = std::lower_bound(kSeconds.begin(), kSeconds.end(), seconds);
  ++within_[static_cast<std::size_t>(bound - kSeconds.begin())];
  seconds_ += seconds;
}

void Figures::encoded(std::int64_t images) {
  const std::lock_guard lock(mutex_);
  encoded_ += images;
}

void Figures::asked(std::int64_t images) {
  const std::lock_guard lock(mutex_);
  ++batches_;
  images_ += images;
}

std::string Figures::text(const std::vector<Gauge>& gauges) const {
  const std::lock_guard lock(mutex_);
  std::string out =
      head("pcnet_requests_total", "Requests answered, by route and status.", "counter");
  for (const auto& [key, count] : requests_) {
    out += cat("pcnet_requests_total{route=\"", key.first, "\",status=\"", key.second, "\"} ",
               count, "\n");
  }
  const std::string name = "pcnet_predict_seconds";
  out += head(name, "From the head of a request to its answer, of those that were answered.",
              "histogram");
  std::int64_t below = 0;
  for (std::size_t i = 0; i < kSeconds.size(); ++i) {
    below += within_[i];
    out += cat(name, "_bucket{le=\"", kSeconds[i], "\"} ", below, "\n");
  }
  const auto all = below + within_.back();
  out += cat(name, "_bucket{le=\"+Inf\"} ", all, "\n", name, "_sum ", core::fixed(seconds_, 6),
             "\n", name, "_count ", all, "\n");
  out += counter("pcnet_batches_total", "Calls of the network.", batches_);
  out += counter("pcnet_batch_images_total", "Images asked about in them.", images_);
  out += counter("pcnet_encoded_images_total", "Images that were encoded; the others were kept.",
                 encoded_);
  for (const auto& gauge : gauges)
    out += cat(head(gauge.name, gauge.help, "gauge"), gauge.name, " ", gauge.value, "\n");
  return out;
}

}  // namespace pcnet::serve
