#include "pcnet/synth/recipe.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::synth {

namespace {

Recipe short_recipe(const std::string& difficulty) {
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

// Look-alikes of one shape, told apart by what the sentence says of them, and objects of other
// shapes to say where they are.
Recipe lengthened(Recipe recipe) {
  recipe.language = Language::kLong;
  recipe.fewest = recipe.patterns ? recipe.fewest + 1 : 4;
  recipe.most = recipe.patterns ? recipe.most + 1 : 5;
  recipe.extra = 0.8;
  recipe.landmarks = 2;
  recipe.scale = 0.87;  // as much ground as between the objects of the short language
  recipe.layouts = 20;
  recipe.twin = 0.3;
  recipe.change_shape = 0.0;
  recipe.change_colour = recipe.patterns ? 0.35 : 0.6;
  recipe.change_pattern = recipe.patterns ? 0.35 : 0.0;
  return recipe;
}

}  // namespace

Language language_of(const std::string& name) {
  if (name == "short") return Language::kShort;
  if (name == "long") return Language::kLong;
  throw core::UsageError(core::cat("unknown language '", name, "': choose short or long"));
}

Recipe recipe_for(const std::string& difficulty, Language language) {
  const Recipe recipe = short_recipe(difficulty);
  return language == Language::kLong ? lengthened(recipe) : recipe;
}

Recipe crowded(Recipe recipe) {
  recipe.fewest = recipe.most;
  const double alike = recipe.twin + recipe.one_changed;
  recipe.twin /= alike;
  recipe.one_changed = 1.0 - recipe.twin;
  return recipe;
}

Recipe test_b(Recipe recipe) {
  if (recipe.language == Language::kShort) return crowded(recipe);
  recipe.unseen = true;
  return recipe;
}

}  // namespace pcnet::synth
