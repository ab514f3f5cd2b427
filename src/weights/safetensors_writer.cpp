#include <algorithm>
#include <numeric>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/weights/safetensors.h"

#include "mapped_tensor.h"
#include "safetensors_types.h"

namespace pcnet::weights {

namespace {

using core::cat;
using core::Error;
using Json = nlohmann::ordered_json;

std::string_view type_name(const std::string& name, c10::ScalarType type) {
  for (const auto& known : kSafetensorsTypes) {
    if (type == known.type) return known.name;
  }
  throw Error(cat("tensor '", name, "' has the type ", c10::toString(type),
                  ", safetensors files hold ", kSafetensorsTypeNames));
}

/// The order of the data: large elements first, so that each tensor's data are aligned.
std::vector<std::size_t> data_order(const TensorFile& file, c10::ScalarType floats) {
  std::vector<std::size_t> order(file.tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto element_size = [&](std::size_t i) {
    return c10::elementSize(written_type(file.tensors[i].second, floats));
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return element_size(a) > element_size(b); });
  return order;
}

void check_tensors(const TensorFile& file) {
  for (const auto& [name, tensor] : file.tensors) {
    if (name == kSafetensorsMetadata) throw Error("no tensor may be called '__metadata__'");
    if (!tensor.defined()) throw Error(cat("tensor '", name, "' is undefined"));
  }
}

std::string header_of(const TensorFile& file, const std::vector<std::size_t>& order,
                      c10::ScalarType floats) {
  std::vector<std::uint64_t> begins(order.size());
  std::uint64_t at = 0;
  for (const std::size_t i : order) {
    begins[i] = at;
    at += written_bytes(file.tensors[i].second, floats);
  }
  Json header = Json::object();
  if (!file.metadata.empty()) header[std::string(kSafetensorsMetadata)] = file.metadata;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& [name, tensor] = file.tensors[i];
    if (header.contains(name)) throw Error(cat("two tensors are called '", name, "'"));
    header[name] = {{"dtype", type_name(name, written_type(tensor, floats))},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {begins[i], begins[i] + written_bytes(tensor, floats)}}};
  }
  std::string text;
  try {
    text = core::json_text(header, {.exact = true});
  } catch (const Error& error) {
    throw Error(cat("a tensor's name or a metadata text is not UTF-8: ", error.what()));
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data start at a multiple of 8
  return text;
}

}  // namespace

std::uint64_t write_safetensors(const std::filesystem::path& path, const TensorFile& file,
                                const WriteOptions& options) {
  try {
    check_tensors(file);
    const std::vector<std::size_t> order = data_order(file, options.floats);
    const std::string header = header_of(file, order, options.floats);
    std::string length(8, '\0');
    for (std::size_t i = 0; i < length.size(); ++i) {
      length[i] = static_cast<char>((header.size() >> (8 * i)) & 0xff);
    }
    core::AtomicFile out(path);
    out.write(length);
    out.write(header);
    std::uint64_t written = 0;
    for (const std::size_t i : order) {
      write_tensor(file.tensors[i], options, written,
                   [&](std::string_view bytes) { out.write(bytes); });
    }
    out.commit();
    return out.bytes();
  } catch (const Error& error) {
    throw Error(cat("cannot write the safetensors file ", path.string(), ": ", error.what()));
  }
}

}  // namespace pcnet::weights
