#pragma once

#include <array>
#include <string_view>

#include <c10/core/ScalarType.h>

namespace pcnet::weights {

struct SafetensorsType {
  std::string_view name;
  c10::ScalarType type;
};

inline constexpr std::array<SafetensorsType, 10> kSafetensorsTypes = {{
    {"F64", c10::ScalarType::Double},
    {"F32", c10::ScalarType::Float},
    {"F16", c10::ScalarType::Half},
    {"BF16", c10::ScalarType::BFloat16},
    {"I64", c10::ScalarType::Long},
    {"I32", c10::ScalarType::Int},
    {"I16", c10::ScalarType::Short},
    {"I8", c10::ScalarType::Char},
    {"U8", c10::ScalarType::Byte},
    {"BOOL", c10::ScalarType::Bool},
}};

inline constexpr std::string_view kSafetensorsTypeNames = "F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL";
inline constexpr std::string_view kSafetensorsMetadata = "__metadata__";

}  // namespace pcnet::weights
