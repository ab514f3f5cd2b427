#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "pcnet/image/picture.h"
#include "pcnet/sam/predictor.h"

namespace pcnet::sam {

/// Embeddings of images in a folder, a safetensors file each, under the digests of the image's
/// pixels and of the network's weights (docs/formats.md#embeddings). Several processes may share
/// the folder.
class EmbeddingCache {
 public:
  /// @param weights the digest of the network's file
  /// @param most_bytes of the embeddings in the folder; the oldest files go first
  /// Error for a folder that cannot be made or written into.
  EmbeddingCache(std::filesystem::path folder, std::string weights, std::uint64_t most_bytes);

  /// What the predictor's network makes of a picture: kept here, or made now and kept. A file that
  /// is damaged or holds something else is made anew, with a warning. Error when the disk is full.
  Embedding embed(Predictor& predictor, const image::Picture& picture);

 private:
  std::optional<at::Tensor> find(const std::string& key, at::IntArrayRef shape) const;
  void keep(const std::string& key, const at::Tensor& features);
  void remove_oldest(const std::filesystem::path& newest);
  std::filesystem::path path_of(const std::string& key) const;

  std::filesystem::path folder_;
  std::string weights_;
  std::uint64_t most_bytes_;
  std::uint64_t bytes_ = 0;  // of the embeddings in the folder, as far as this process knows
};

}  // namespace pcnet::sam
