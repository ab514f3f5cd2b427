#pragma once

namespace pcnet::core {

/// From now on LibTorch's large tensors on the processor use the memory of earlier ones again;
/// without this it goes back to the kernel and is mapped and zeroed anew for every operation, a
/// third of evaluation's processor time. What is in use and in reserve is together at most a
/// sixteenth more than was in use at once before. To be called at the start of a program.
/// @return false where nothing was done, since the user chose how memory is kept: by one of glibc's
///   variables (MALLOC_TRIM_THRESHOLD_ and the like, GLIBC_TUNABLES)
bool reuse_tensor_memory();

/// Gives the reserve back to the kernel.
void release_tensor_memory();

}  // namespace pcnet::core
