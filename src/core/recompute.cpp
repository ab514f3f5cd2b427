#include "pcnet/core/recompute.h"

#include <vector>

#include "pcnet/core/autocast.h"
#include "pcnet/core/batch_norm.h"

namespace pcnet::core {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char* kRecipe = "recipe";

/// What the backward pass needs beside the input.
struct Recipe : torch::CustomClassHolder {
  const torch::nn::Module* module = nullptr;
  Stage stage;
  std::vector<at::Tensor> parameters;
  Autocast autocast;
  bool wants_input_gradient = false;
};

/// Without a cache: a weight that is converted while there is no graph would give none to those who
/// find it there later.
Autocast uncached(Autocast state) {
  state.cached = false;
  return state;
}

struct Recomputed : torch::autograd::Function<Recomputed> {
  // The parameters are inputs, so that the output has a gradient where x has none.
  static at::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<Recipe>& recipe,
                            const at::Tensor& x, at::TensorList /*parameters*/) {
    context->saved_data[kRecipe] = c10::IValue::make_capsule(recipe);
    context->save_for_backward({x});
    const AutocastScope arithmetic(recipe->autocast);
    return recipe->stage(x);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto capsule = context->saved_data[kRecipe].toCapsule();
    const auto& recipe = static_cast<const Recipe&>(*capsule);
    const at::Tensor x = context->get_saved_variables().front().detach();
    variable_list wanted = recipe.parameters;
    if (recipe.wants_input_gradient) wanted.push_back(x.requires_grad_());
    at::Tensor y;
    {
      const at::AutoGradMode with_graph(true);
      const AutocastScope arithmetic(recipe.autocast);
      const StatisticsAside once(*recipe.module);
      y = recipe.stage(x);
    }
    variable_list found = torch::autograd::grad({y}, wanted, gradients, /*retain_graph=*/false,
                                                /*create_graph=*/false, /*allow_unused=*/true);
    variable_list all(2);  // of the recipe, which is no tensor, and of x
    if (recipe.wants_input_gradient) {
      all[1] = std::move(found.back());
      found.pop_back();
    }
    all.insert(all.end(), found.begin(), found.end());
    return all;
  }
};

}  // namespace

at::Tensor recomputed(const torch::nn::Module& module, const Stage& stage, const at::Tensor& x) {
  if (!at::GradMode::is_enabled()) return stage(x);
  auto recipe = c10::make_intrusive<Recipe>();
  recipe->module = &module;
  recipe->stage = stage;
  for (const auto& parameter : module.parameters()) {
    if (parameter.requires_grad()) recipe->parameters.push_back(parameter);
  }
  const c10::DeviceType device =
      recipe->parameters.empty() ? x.device().type() : recipe->parameters.front().device().type();
  recipe->autocast = uncached(Autocast::of(device));
  recipe->wants_input_gradient = x.requires_grad();
  const at::TensorList parameters(recipe->parameters);
  return Recomputed::apply(recipe, x, parameters);
}

}  // namespace pcnet::core
