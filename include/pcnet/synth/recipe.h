#pragma once

#include <string>

namespace pcnet::synth {

/// The numbers behind a difficulty: what a picture holds and how alike its objects are.
struct Recipe {
  int side = 96;   // picture width and height, pixels
  int fewest = 4;  // objects in a picture
  int most = 5;
  double extra = 0.4;          // probability of each object above `fewest`
  bool patterns = true;        // striped, dotted and hollow objects beside solid ones
  double first = 0.75;         // a look-alike follows the first object, else any earlier one
  double twin = 0.13;          // a further object is a full copy ...
  double one_changed = 0.72;   // ... or a copy with one attribute changed, else random
  double change_shape = 0.20;  // which attribute is changed; the rest is size
  double change_colour = 0.20;
  double change_pattern = 0.34;
};

/// The recipe of `easy`, `standard` or `hard`; UsageError for another word.
Recipe recipe_for(const std::string& difficulty);

/// The recipe of the crowded test split: as many objects as may be, each further one a look-alike.
Recipe crowded(Recipe recipe);

}  // namespace pcnet::synth
