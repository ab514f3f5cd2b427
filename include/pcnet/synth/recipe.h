#pragma once

#include <string>

namespace pcnet::synth {

/// How expressions and captions are worded: a noun phrase with a side at most, or whole sentences.
enum class Language { kShort, kLong };

/// The language of this name; UsageError for another word.
Language language_of(const std::string& name);

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
  double scale = 1.0;  // of the objects' radii
  int layouts = 60;    // tried before other objects are drawn
  Language language = Language::kShort;
  // Long alone: objects of other shapes than the rest, which all share one; and whether each
  // sentence names a combination that is held out, or none does.
  int landmarks = 0;
  bool unseen = false;
};

/// The recipe of `easy`, `standard` or `hard`; UsageError for another word.
Recipe recipe_for(const std::string& difficulty, Language language = Language::kShort);

/// The recipe of the crowded test split: as many objects as may be, each further one a look-alike.
Recipe crowded(Recipe recipe);

/// The recipe of testB: crowded, or in the long language with unseen combinations.
Recipe test_b(Recipe recipe);

}  // namespace pcnet::synth
