#pragma once

#include <string_view>

#include "pcnet/weights/weight_file.h"

#include "shared_bytes.h"

namespace pcnet::weights {

/// Reads the zip that `torch.save` or `torch.jit.save` wrote. `name` names the file in errors.
WeightFile parse_torch_zip(const SharedBytes& file, std::string_view name);

}  // namespace pcnet::weights
