#include "sharded_safetensors.h"

#include <set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

#include "safetensors_parser.h"
#include "shared_bytes.h"

namespace pcnet::weights {

namespace {

using core::cat;
using core::Error;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

/// Where the index puts each tensor, and the shards in the order of their first tensor.
struct ShardMap {
  std::map<std::string, std::string> shard_of;
  std::vector<std::string> shards;
};

class IndexReader {
 public:
  IndexReader(std::string_view index, const fs::path& path) : index_(index), path_(path) {}

  TensorFile read() const {
    const ShardMap map = read_map();
    TensorFile result;
    std::set<std::string> found;
    for (const auto& shard : map.shards) {
      const fs::path file = path_.parent_path() / shard;
      TensorFile content = parse_safetensors(map_file(file), file.string());
      for (auto& [name, tensor] : content.tensors) {
        const auto place = map.shard_of.find(name);
        if (place == map.shard_of.end()) {
          fail(cat("tensor '", name, "' of shard '", shard, "' is not in the weight_map"));
        }
        if (place->second != shard) {
          fail(cat("tensor '", name, "' lies in shard '", shard, "', the weight_map says '",
                   place->second, "'"));
        }
        found.insert(name);
        result.tensors.emplace_back(name, std::move(tensor));
      }
      result.metadata.merge(content.metadata);
    }
    for (const auto& [name, shard] : map.shard_of) {
      if (!found.contains(name)) {
        fail(cat("tensor '", name, "' should lie in shard '", shard, "', which lacks it"));
      }
    }
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(cat("safetensors index ", path_.string(), ": ", what));
  }

  ShardMap read_map() const {
    const Json index = parse();
    if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
      fail("it has no object \"weight_map\" of tensors and their files");
    }
    ShardMap map;
    std::set<std::string> seen;
    for (const auto& [name, shard] : index["weight_map"].items()) {
      if (!shard.is_string()) fail(cat("the shard of tensor '", name, "' is no text"));
      const auto file = shard.get<std::string>();
      check_shard(name, file);
      map.shard_of[name] = file;
      if (seen.insert(file).second) map.shards.push_back(file);
    }
    if (map.shards.empty()) fail("its weight_map is empty");
    return map;
  }

  Json parse() const {
    try {
      return core::parse_json<Json>(index_);
    } catch (const core::Error& error) {
      fail(cat("it is not JSON: ", error.what()));
    }
  }

  void check_shard(const std::string& name, const std::string& shard) const {
    const fs::path file(shard);
    bool leaves = file.is_absolute() || shard.empty() || shard.find('\0') != std::string::npos;
    for (const auto& part : file) leaves = leaves || part == "..";
    if (leaves) {
      fail(cat("the shard '", shard, "' of tensor '", name, "' leaves the folder of the index"));
    }
    if (!shard.ends_with(".safetensors")) {
      fail(cat("the shard '", shard, "' of tensor '", name, "' is no .safetensors file"));
    }
    std::error_code ignored;
    if (!fs::exists(path_.parent_path() / file, ignored)) {
      fail(cat("the shard '", shard, "' of tensor '", name, "' is missing"));
    }
  }

  std::string_view index_;
  const fs::path& path_;
};

}  // namespace

TensorFile read_shards(std::string_view index, const fs::path& path) {
  return IndexReader(index, path).read();
}

}  // namespace pcnet::weights
