#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "pcnet/config/data_options.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/rle.h"

namespace pcnet::support {

/// x, y, width, height.
using Rectangle = std::array<std::int64_t, 4>;

image::Mask rectangle_mask(std::int64_t height, std::int64_t width, const Rectangle& rectangle);

/// A dataset of rectangles that a test writes down whole.
struct HandDataset {
  struct Image {
    std::int64_t id = 0;
    std::int64_t height = 0;
    std::int64_t width = 0;
  };
  struct Object {
    std::int64_t ann_id = 0;
    std::int64_t image_id = 0;
    Rectangle rectangle{};
  };
  struct Sentence {
    std::int64_t sent_id = 0;
    std::string text;
    std::string kind;
  };
  struct Reference {
    std::int64_t ref_id = 0;
    std::int64_t ann_id = 0;
    std::int64_t image_id = 0;
    std::string split;
    std::vector<Sentence> sentences;
  };

  std::vector<Image> images;
  std::vector<Object> objects;
  std::vector<Reference> references;
  std::map<std::int64_t, std::vector<image::Mask>> proposals;  // by image_id
  std::map<std::int64_t, std::vector<std::string>> cues;       // by sent_id
  std::map<std::int64_t, std::vector<std::string>> captions;   // by image_id

  /// `<root>/toy/refs(unc).p`, instances.json and, where there are some, proposals, cues and
  /// captions; `<root>/train2014/<id>.png`, whose grey is the image id.
  void write(const std::filesystem::path& root) const;
};

/// Two pictures for training and one for validation, with cues and captions.
HandDataset small_dataset();

/// Options that read such a dataset, 32 px.
config::DataOptions options_for(const std::filesystem::path& root);

}  // namespace pcnet::support
