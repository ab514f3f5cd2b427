#pragma once

#include <cstdint>
#include <string>

#include "pcnet/config/field.h"

namespace pcnet::config {

struct RunOptions {
  std::string folder;
  std::int64_t seed = 0;
  std::string device = "auto";
  std::int64_t threads = 0;
  bool tensorboard = true;
  bool deterministic = false;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = RunOptions;
    field("folder", &O::folder,
          {.help = "run folder; empty: runs/<name of the config file>",
           .path = true,
           .affects = Affects::kNothing});
    field("seed", &O::seed, {.help = "seed of weights, order and sampling", .min = 0});
    field("device", &O::device,
          {.help = "auto, cpu, cuda or cuda:N", .affects = Affects::kNothing});
    field("threads", &O::threads,
          {.help = "threads of the processor; 0: OMP_NUM_THREADS, else every core that it may use",
           .min = 0,
           .max = 1024,
           .affects = Affects::kNothing});
    field("tensorboard", &O::tensorboard,
          {.help = "whether training writes curves and images for TensorBoard, too",
           .affects = Affects::kNothing});
    field("deterministic", &O::deterministic,
          {.help = "only operations that give the same bits each time, and an error where there "
                   "is none; slower on a GPU",
           .affects = Affects::kArithmetic});
  }
};

}  // namespace pcnet::config
