#pragma once

#include <optional>

#include "pcnet/weights/pickle.h"

#include "pickle_opcodes.h"
#include "pickle_stream.h"

namespace pcnet::weights {

/// The number, text or bytes that a literal opcode spells out; none for any other opcode.
std::optional<PickleValue> take_literal(PickleOp op, PickleStream& stream);

}  // namespace pcnet::weights
