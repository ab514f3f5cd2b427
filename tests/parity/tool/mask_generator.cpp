#include "pcnet/proposals/mask_generator.h"

#include <algorithm>
#include <initializer_list>
#include <numeric>
#include <sstream>

#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "pcnet/core/files.h"

#include "commands.h"
#include "generator_cases.h"

namespace pcnet::parity {

namespace {

using nlohmann::json;

constexpr std::int64_t kSide = 256;

/// The picture of mask_generator_parity.py, as all that follows.
image::Picture picture(std::int64_t height, std::int64_t width) {
  image::Picture made(height, width);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < 3; ++c) {
        made.pixel(y, x)[c] =
            static_cast<std::uint8_t>((7 * y + 13 * x + 5 * c + x * y % 251) % 256);
      }
    }
  }
  return made;
}

std::int64_t mixed(std::initializer_list<std::int64_t> numbers) {
  std::int64_t state = 12345;
  for (const std::int64_t number : numbers) {
    state = (state * 1103515245 + number * 2654435761 + 12345) % (std::int64_t{1} << 31);
  }
  return state >> 15;
}

std::int64_t square(std::int64_t number) { return number * number; }

struct Parabola {
  std::int64_t cx, cy, radius, stretch;

  std::int64_t at(std::int64_t i, std::int64_t j) const {
    return square(radius) - square(j - cx) - square(i - cy) * stretch;
  }
};

/// Fills logits [256, 256]; returns the predicted IoU.
float blob(std::int64_t seed, std::int64_t x, std::int64_t y, std::int64_t output, float* logits) {
  const auto draw = [&](std::int64_t k, std::int64_t below) {
    return mixed({seed, x, y, output, k}) % below;
  };
  const std::int64_t cx = x / 4 + draw(0, 9) - 4;
  const std::int64_t cy = y / 4 + draw(1, 9) - 4;
  const Parabola body{cx, cy, (6 + draw(2, 24)) * (output + 1), 1 + draw(3, 3)};
  const Parabola hole{cx + draw(4, 9), cy + draw(5, 9), draw(6, 6), 1};
  const Parabola satellites[] = {{draw(7, kSide), draw(8, kSide), draw(9, 7), 1},
                                 {draw(10, kSide), draw(11, kSide), draw(12, 7), 1}};
  const auto scale = static_cast<float>(1 << (3 + draw(14, 5)));
  for (std::int64_t i = 0; i < kSide; ++i) {
    for (std::int64_t j = 0; j < kSide; ++j) {
      std::int64_t value = hole.at(i, j) > 0 ? -hole.at(i, j) : body.at(i, j);
      for (const auto& satellite : satellites) value = std::max(value, satellite.at(i, j));
      *logits++ = static_cast<float>(value) / scale;
    }
  }
  return static_cast<float>(512 + draw(15, 512)) / 1024;
}

class Blobs : public proposals::ClickDecoder {
 public:
  void set_crop(const image::Picture& crop) override {
    seed_ = std::accumulate(crop.rgb.begin(), crop.rgb.end(), std::int64_t{0}) % 65536;
    width_ = static_cast<double>(crop.width);
    height_ = static_cast<double>(crop.height);
    const double scale = 1024 / std::max(width_, height_);
    across_ = std::floor(width_ * scale + 0.5) / width_;
    down_ = std::floor(height_ * scale + 0.5) / height_;
  }

  proposals::ClickMasks decode(std::span<const proposals::Point> points) override {
    const auto count = static_cast<std::int64_t>(points.size());
    proposals::ClickMasks answer{torch::empty({count, 3, kSide, kSide}), torch::empty({count, 3})};
    auto* logits = answer.logits.mutable_data_ptr<float>();
    auto* predicted = answer.predicted_iou.mutable_data_ptr<float>();
    for (const auto& point : points) {
      const auto x = static_cast<std::int64_t>(point.x * across_);
      const auto y = static_cast<std::int64_t>(point.y * down_);
      for (std::int64_t output = 0; output < 3; ++output, logits += kSide * kSide) {
        *predicted++ = blob(seed_, x, y, output, logits);
      }
    }
    return answer;
  }

 private:
  std::int64_t seed_ = 0;
  double width_ = 0;
  double height_ = 0;
  double across_ = 0;
  double down_ = 0;
};

/// One case a line; a list of records a line.
void run_mask_generator(const std::string& in, const std::string& out) {
  std::istringstream lines(core::read_file(in));
  std::string answers;
  for (std::string line; std::getline(lines, line);) {
    const json item = json::parse(line);
    Blobs blobs;
    answers +=
        records_of(proposals::generate_masks(blobs, picture(item.at("height"), item.at("width")),
                                             generator_options(item)))
            .dump() +
        "\n";
  }
  core::write_file(out, answers);
}

}  // namespace

void add_mask_generator(Commands& commands) {
  commands["mask-generator"] = [](const Words& words) {
    run_mask_generator(words.at(1), words.at(2));
  };
}

}  // namespace pcnet::parity
