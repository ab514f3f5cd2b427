#include "pcnet/engine/responder.h"

#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/normalise.h"
#include "pcnet/model/response_map.h"

namespace pcnet::engine {

ModelResponder::ModelResponder(model::Tris model, const text::Tokenizer& tokenizer,
                               const Options& options)
    : model_(std::move(model)), tokenizer_(tokenizer), options_(options) {}

at::Tensor ModelResponder::tokens_of(std::span<const Query> queries) const {
  std::vector<at::Tensor> rows;
  for (const auto& query : queries) {
    for (const auto& text : query.texts) {
      const text::Tokens tokens = tokenizer_.encode(text, options_.text_length, options_.truncate);
      if (tokens.words == 0) {
        throw core::UsageError(core::cat("the text \"", text,
                                         "\" holds no word that the model knows (it knows ",
                                         tokenizer_.words().size(), " words)"));
      }
      rows.push_back(torch::tensor(tokens.ids, torch::kInt64));
    }
  }
  return at::stack(rows);
}

std::vector<at::Tensor> ModelResponder::respond(std::span<const Query> queries) {
  const torch::NoGradGuard no_grad;
  model_->eval();
  std::vector<at::Tensor> pictures;
  std::vector<std::int64_t> picture_of;  // of each text
  for (std::size_t i = 0; i < queries.size(); ++i) {
    pictures.push_back(queries[i].picture);
    picture_of.insert(picture_of.end(), queries[i].texts.size(), static_cast<std::int64_t>(i));
  }
  const at::Tensor visual =
      model_->encode_images(image::stack_pictures(pictures).to(options_.device));
  const at::Tensor text = model_->encode_texts(tokens_of(queries));
  const at::Tensor owner = torch::tensor(picture_of, torch::kInt64).to(options_.device);
  const at::Tensor grid =
      model::response(model::own_picture_cosine(visual, text, owner));  // [all texts, h, w]
  std::vector<at::Tensor> answers;
  std::int64_t first = 0;
  for (const auto& query : queries) {
    const auto texts = static_cast<std::int64_t>(query.texts.size());
    const at::Tensor own = grid.slice(/*dim=*/0, first, first + texts);
    answers.push_back(
        model::resize_to_picture(own, query.height, query.width, options_.align_corners)
            .unsqueeze(/*dim=*/0)
            .to(at::kCPU, at::kFloat)
            .contiguous());
    first += texts;
  }
  return answers;
}

namespace {

/// Maps with a single pixel set; `place` gives its index for (query, text).
template <class Place>
std::vector<at::Tensor> single_pixels(std::span<const Query> queries, Place place) {
  std::vector<at::Tensor> answers;
  for (const auto& query : queries) {
    const auto texts = static_cast<std::int64_t>(query.texts.size());
    at::Tensor maps = torch::zeros({1, texts, query.height, query.width});
    auto* values = maps.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < texts; ++i) {
      values[i * query.height * query.width + place(query, static_cast<std::size_t>(i))] = 1;
    }
    answers.push_back(std::move(maps));
  }
  return answers;
}

}  // namespace

std::vector<at::Tensor> CentreResponder::respond(std::span<const Query> queries) {
  return single_pixels(queries, [](const Query& query, std::size_t) {
    return query.height / 2 * query.width + query.width / 2;
  });
}

std::vector<at::Tensor> RandomResponder::respond(std::span<const Query> queries) {
  return single_pixels(queries, [this](const Query& query, std::size_t text) {
    core::Rng rng({seed_, static_cast<std::uint64_t>(query.sent_ids.at(text))});
    return static_cast<std::int64_t>(
        rng.below(static_cast<std::uint64_t>(query.height * query.width)));
  });
}

}  // namespace pcnet::engine
