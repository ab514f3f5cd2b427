#include "pcnet/sam/embedding_cache.h"

#include <algorithm>
#include <iomanip>
#include <regex>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include "pcnet/core/crc32c.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/weights/safetensors.h"

namespace pcnet::sam {

namespace fs = std::filesystem;
using core::cat;

namespace {

constexpr const char* kFormat = "pcnet-sam-embedding-1";
constexpr const char* kEnding = ".safetensors";

std::string hex(std::uint32_t number) {
  return cat(std::hex, std::setfill('0'), std::setw(8), number);
}

std::string_view bytes_of(const at::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

/// Two check sums of different polynomials: together 64 bits.
std::string key_of(const image::Picture& picture, const std::string& weights) {
  const std::string_view pixels(reinterpret_cast<const char*>(picture.rgb.data()),
                                picture.rgb.size());
  const std::string weights_digits = weights.substr(weights.find(':') + 1);
  return cat(picture.width, "x", picture.height, "-", hex(data::checksum_of(pixels)),
             hex(core::crc32c(pixels)), "-", weights_digits);
}

/// A file that this cache wrote and may remove.
struct Kept {
  fs::path path;
  fs::file_time_type written;
  std::uint64_t bytes = 0;
};

/// The oldest first.
std::vector<Kept> kept_in(const fs::path& folder) {
  static const std::regex ours("[0-9]+x[0-9]+-[0-9a-f]{16}-[0-9a-f]{8}\\.safetensors");
  std::vector<Kept> all;
  for (const auto& entry : core::list_folder(folder)) {
    if (!std::regex_match(entry.path().filename().string(), ours)) continue;
    std::error_code gone;  // another process may have removed it
    Kept kept{entry.path(), entry.last_write_time(gone), gone ? 0 : entry.file_size(gone)};
    if (!gone) all.push_back(std::move(kept));
  }
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) {
    return std::tie(a.written, a.path) < std::tie(b.written, b.path);
  });
  return all;
}

/// The features in a file. Error that says what is wrong with it.
at::Tensor read(const fs::path& path, const std::string& key, at::IntArrayRef shape) {
  const weights::TensorFile file = weights::read_safetensors(path);
  const auto said = [&](const char* name) {
    const auto found = file.metadata.find(name);
    return found == file.metadata.end() ? std::string() : found->second;
  };
  const at::Tensor* features = file.find("features");
  if (said("format") != kFormat || features == nullptr) {
    throw core::Error(cat(path.string(), " is no embedding"));
  }
  if (said("key") != key || features->sizes() != shape || features->scalar_type() != at::kFloat) {
    throw core::Error(cat(path.string(), " is of another image or network"));
  }
  if (said("checksum") != data::digest_of(bytes_of(*features))) {
    throw core::Error(cat(path.string(), " is damaged: its bytes do not fit their check sum"));
  }
  return *features;
}

}  // namespace

EmbeddingCache::EmbeddingCache(fs::path folder, std::string weights, std::uint64_t most_bytes)
    : folder_(std::move(folder)), weights_(std::move(weights)), most_bytes_(most_bytes) {
  core::ensure_writable_folder(folder_);
  core::remove_abandoned_files(folder_);
  for (const auto& kept : kept_in(folder_)) bytes_ += kept.bytes;
}

Embedding EmbeddingCache::embed(Predictor& predictor, const image::Picture& picture) {
  const std::string key = key_of(picture, weights_);
  const std::int64_t grid = predictor.options().grid();
  if (const auto features = find(key, {1, kFeatures, grid, grid})) {
    return {*features, frame_of(picture.height, picture.width, predictor.options().side)};
  }
  Embedding made = predictor.embed(picture);
  keep(key, made.features);
  return made;
}

fs::path EmbeddingCache::path_of(const std::string& key) const { return folder_ / (key + kEnding); }

std::optional<at::Tensor> EmbeddingCache::find(const std::string& key,
                                               at::IntArrayRef shape) const {
  const fs::path path = path_of(key);
  if (!fs::exists(path)) return std::nullopt;
  try {
    return read(path, key, shape);
  } catch (const core::Error& error) {
    core::log::warning(cat(error.what(), ": the embedding is made anew"));
    return std::nullopt;
  }
}

void EmbeddingCache::keep(const std::string& key, const at::Tensor& features) {
  const at::Tensor stored = features.to(at::kCPU, at::kFloat).contiguous();
  const weights::TensorFile file{
      {{"features", stored}},
      {{"format", kFormat}, {"key", key}, {"checksum", data::digest_of(bytes_of(stored))}}};
  bytes_ += weights::write_safetensors(path_of(key), file);
  if (bytes_ > most_bytes_) remove_oldest(path_of(key));
}

void EmbeddingCache::remove_oldest(const fs::path& newest) {
  const auto all = kept_in(folder_);
  bytes_ = 0;
  for (const auto& kept : all) bytes_ += kept.bytes;
  for (const auto& kept : all) {
    if (bytes_ <= most_bytes_) return;
    if (kept.path == newest) continue;
    std::error_code gone;
    fs::remove(kept.path, gone);
    bytes_ -= kept.bytes;
  }
}

}  // namespace pcnet::sam
