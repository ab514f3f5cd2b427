#include "pcnet/synth/cues.h"

namespace pcnet::synth {

std::vector<std::string> real_cues(const Expression& expression) {
  const Phrase& phrase = expression.phrase;
  const std::string shape = kShapeWords[static_cast<std::size_t>(phrase.shape)];
  std::vector<std::string> cues;
  if (phrase.colour) {
    cues.push_back(std::string("the ") + kColourWords[static_cast<std::size_t>(*phrase.colour)] +
                   " " + shape);
  } else {
    cues.push_back("the " + shape);
  }
  if (phrase.pattern) {
    cues.push_back(std::string("a ") + kPatternWords[static_cast<std::size_t>(*phrase.pattern)] +
                   " " + shape);
  }
  if (phrase.size) {
    cues.push_back(std::string("a ") + kSizeWords[static_cast<std::size_t>(*phrase.size)] + " " +
                   shape);
  }
  if (expression.side) {
    const std::string side = kSideWords[static_cast<std::size_t>(*expression.side)];
    cues.push_back(expression.neighbour ? side + " of the " + expression.neighbour->words()
                                        : "a " + shape + " on the " + side);
  }
  return cues;
}

}  // namespace pcnet::synth
