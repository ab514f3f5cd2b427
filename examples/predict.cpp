// Finds what a text means on an image: predict MODEL IMAGE TEXT MASK.png

#include <iostream>

#include "pcnet/core/error.h"
#include "pcnet/engine/predictor.h"
#include "pcnet/image/picture.h"
#include "pcnet/runtime/model_source.h"

int main(int count, char** arguments) try {
  if (count != 5) throw pcnet::core::UsageError("wanted MODEL IMAGE TEXT MASK.png");
  const std::string text = arguments[3];

  // A run's folder or a checkpoint; the second argument changes keys of its configuration.
  const auto loaded =
      pcnet::runtime::load_model(arguments[1], {"run.device=auto", "eval.segmentor=none"});
  auto responder =
      pcnet::runtime::responder_for(loaded.model, *loaded.tokenizer, loaded.config, loaded.device);
  const auto segmentor = pcnet::engine::make_segmentor(loaded.config.eval, loaded.device);
  const auto answer = pcnet::engine::predict(responder, *segmentor, arguments[2], {text},
                                             loaded.config.data.image_size,
                                             {pcnet::runtime::cues_for(loaded, text)})
                          .front();

  pcnet::image::write_png(arguments[4], answer.mask);
  const auto& peak = answer.peaks.back();  // of the last stage
  std::cout << "x " << peak.x << ", y " << peak.y << ", cosine " << peak.score << "\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << "predict: error: " << error.what() << "\n";
  return 1;
}
