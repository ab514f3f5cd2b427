#pragma once

#include <gtest/gtest.h>
#include <torch/cuda.h>

/// Skips a test where there is no CUDA device. Such tests are named ...OnCuda...
#define PCNET_NEED_CUDA() \
  if (!torch::cuda::is_available()) GTEST_SKIP() << "there is no CUDA device"
