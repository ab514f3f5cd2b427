#pragma once

#include <string_view>

#include "pcnet/weights/safetensors.h"

#include "shared_bytes.h"

namespace pcnet::weights {

/// Reads the bytes of a safetensors file. `name` names the file in errors.
TensorFile parse_safetensors(const SharedBytes& file, std::string_view name);

}  // namespace pcnet::weights
