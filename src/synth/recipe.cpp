#include "pcnet/synth/recipe.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::synth {

Recipe recipe_for(const std::string& difficulty) {
  Recipe recipe;
  if (difficulty == "standard") return recipe;
  if (difficulty == "easy") {
    recipe.side = 80;
    recipe.fewest = 2;
    recipe.most = 4;
    recipe.extra = 0.62;
    recipe.patterns = false;
    recipe.change_shape = 0.35;
    recipe.change_colour = 0.35;
    recipe.change_pattern = 0.0;
    return recipe;
  }
  if (difficulty == "hard") {
    recipe.side = 112;
    recipe.fewest = 5;
    recipe.most = 6;
    recipe.extra = 0.5;
    recipe.twin = 0.20;
    recipe.one_changed = 0.75;
    return recipe;
  }
  throw core::UsageError(
      core::cat("unknown difficulty '", difficulty, "': choose easy, standard or hard"));
}

Recipe crowded(Recipe recipe) {
  recipe.fewest = recipe.most;
  const double alike = recipe.twin + recipe.one_changed;
  recipe.twin /= alike;
  recipe.one_changed = 1.0 - recipe.twin;
  return recipe;
}

}  // namespace pcnet::synth
