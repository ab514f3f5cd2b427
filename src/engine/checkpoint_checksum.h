#pragma once

#include <string>

#include "pcnet/weights/safetensors.h"

namespace pcnet::engine {

inline constexpr const char* kChecksum = "checksum";  ///< its name in the metadata

/// The CRC-32 of all that a checkpoint holds, "crc32:0123abcd": its metadata but for the checksum,
/// and each tensor's name, type, shape and data, in the order of the names. The tensors lie on the
/// CPU. Safetensors files have none of their own.
std::string checksum_of(const weights::TensorFile& file);

}  // namespace pcnet::engine
