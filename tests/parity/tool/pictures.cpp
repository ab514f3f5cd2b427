#include <ctime>
#include <iostream>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "pcnet/core/files.h"
#include "pcnet/image/normalise.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/resize.h"
#include "pcnet/weights/npy.h"

#include "commands.h"

namespace pcnet::parity {

namespace {

using nlohmann::json;

/// Pairs of a picture and an .npy [H, W, 3].
void decode(const Words& words, bool turn) {
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
    weights::write_npy(words[i + 1],
                       image::to_tensor(image::read_picture(words[i], turn)).permute({1, 2, 0}));
  }
}

/// Size, picture, .npy [size, size, 3], again and again.
void resize(const Words& words) {
  for (std::size_t i = 1; i + 2 < words.size(); i += 3) {
    const auto resized =
        image::resize_square(image::read_picture(words[i + 1]), std::stoll(words[i]));
    weights::write_npy(words[i + 2], resized.permute({1, 2, 0}));
  }
}

/// A mask and an .npy [H, W].
void run_mask(const Words& words) {
  image::Mask mask = image::read_mask(words.at(1));
  weights::write_npy(words.at(2),
                     torch::from_blob(mask.data.data(), {mask.height, mask.width}, at::kByte));
}

/// A picture, written again compressed and stored.
void write_pngs(const Words& words) {
  const auto picture = image::read_picture(words.at(1));
  image::write_png(words.at(2), picture);
  core::write_file(words.at(3), image::encode_png_stored(picture));
}

/// Size, repeats, pictures: processor seconds a picture of each part of the pre-processing, as
/// JSON.
void run_timing(const Words& words) {
  const auto size = std::stoll(words.at(1));
  const auto repeats = std::stoll(words.at(2));
  const auto options = torch::TensorOptions(at::kFloat);
  std::clock_t decode = 0, resize = 0, normalise = 0;
  for (long long repeat = -1; repeat < repeats; ++repeat) {
    if (repeat == 0) decode = resize = normalise = 0;  // the first round warms up
    for (std::size_t i = 3; i < words.size(); ++i) {
      const std::clock_t start = std::clock();
      const auto picture = image::read_picture(words[i]);
      const std::clock_t decoded = std::clock();
      const auto resized = image::resize_square(picture, size);
      const std::clock_t stretched = std::clock();
      const auto input = image::normalise(resized.unsqueeze(0), options);
      decode += decoded - start;
      resize += stretched - decoded;
      normalise += std::clock() - stretched;
    }
  }
  const auto seconds = [&](std::clock_t ticks) {
    return static_cast<double>(ticks) / CLOCKS_PER_SEC / static_cast<double>(repeats) /
           static_cast<double>(words.size() - 3);
  };
  std::cout << json{{"decode", seconds(decode)},
                    {"resize", seconds(resize)},
                    {"normalise", seconds(normalise)}}
            << "\n";
}

/// Size, picture, .npy: what the network sees, [3, size, size] float32.
void run_input(const Words& words) {
  const auto bytes =
      image::resize_square(image::read_picture(words.at(2)), std::stoll(words.at(1)));
  weights::write_npy(words.at(3), image::normalise(bytes.unsqueeze(0), at::kFloat).squeeze(0));
}

}  // namespace

void add_pictures(Commands& commands) {
  commands["decode"] = [](const Words& words) { decode(words, /*turn=*/false); };
  commands["turn"] = [](const Words& words) { decode(words, /*turn=*/true); };
  commands["resize"] = resize;
  commands["mask"] = run_mask;
  commands["png"] = write_pngs;
  commands["input"] = run_input;
  commands["time-pictures"] = run_timing;
}

}  // namespace pcnet::parity
