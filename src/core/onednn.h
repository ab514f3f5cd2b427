#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

namespace pcnet::core {

/// Whether oneDNN computes with x: on a processor, in fp32, or in bf16 where AVX-512 has it.
bool onednn_takes(const at::Tensor& x);

/// An operation of LibTorch's that its C++ interface lacks.
template <class Signature>
auto operation(const char* name, const char* overload = "") {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Signature>();
}

}  // namespace pcnet::core
