// Scores a model on a split of a dataset: evaluate MODEL DATA SPLIT

#include <iostream>

#include "pcnet/config/paths.h"
#include "pcnet/core/error.h"
#include "pcnet/core/tensor_memory.h"
#include "pcnet/runtime/evaluation.h"

int main(int count, char** arguments) try {
  if (count != 4) throw pcnet::core::UsageError("wanted MODEL DATA SPLIT");

  (void)pcnet::core::reuse_tensor_memory();  // faster on a processor
  pcnet::runtime::EvaluationRequest request;
  request.model = arguments[1];
  request.splits = {arguments[3]};
  request.overrides = {pcnet::config::assignment("data.root", arguments[2])};
  const auto result = pcnet::runtime::evaluate(request);

  for (const auto& [split, answered] : result.splits) {
    const auto& scores = answered.scores;  // in percent
    std::cout << split << ": " << scores.sentences << " sentences, PointM " << scores.point_m
              << ", mIoU " << scores.miou << ", oIoU " << scores.oiou << "\n";
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "evaluate: error: " << error.what() << "\n";
  return 1;
}
