#include "pcnet/engine/responder.h"

#include <unordered_map>
#include <utility>

#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/normalise.h"
#include "pcnet/model/response_map.h"

namespace pcnet::engine {

ModelResponder::ModelResponder(std::shared_ptr<model::ReferringModel> model,
                               const text::Tokenizer& tokenizer, const Options& options)
    : model_(std::move(model)), tokenizer_(tokenizer), options_(options) {
  model_->backbone()->set_folded(true);
}

/// Tokens of all texts in order, then those of each distinct cue that is none of them.
class ModelResponder::Texts {
 public:
  explicit Texts(const ModelResponder& responder) : responder_(responder) {}

  std::int64_t add_text(const std::string& text) {
    const std::int64_t row = add_row(text, "text");
    row_of_.emplace(text, row);
    return row;
  }
  std::int64_t add_cue(const std::string& cue) {
    const auto known = row_of_.find(cue);
    if (known != row_of_.end()) return known->second;
    return row_of_.emplace(cue, add_row(cue, "cue")).first->second;
  }
  at::Tensor tokens() const { return at::stack(rows_); }

 private:
  std::int64_t add_row(const std::string& text, const char* kind) {
    const text::Tokens tokens = responder_.tokens_of(text);
    if (tokens.words == 0) {
      throw core::UsageError(core::cat("the ", kind, " \"", text,
                                       "\" holds no word that the model knows (it knows ",
                                       responder_.tokenizer_.words().size(), " words)"));
    }
    rows_.push_back(torch::tensor(tokens.ids, torch::kInt64));
    return static_cast<std::int64_t>(rows_.size()) - 1;
  }

  const ModelResponder& responder_;
  std::vector<at::Tensor> rows_;
  std::unordered_map<std::string, std::int64_t> row_of_;
};

model::Expressions ModelResponder::expressions_of(std::span<const Query> queries) {
  Texts texts(*this);
  std::vector<std::int64_t> rows;
  for (const auto& query : queries) {
    for (const auto& text : query.texts) rows.push_back(texts.add_text(text));
  }
  const auto read = static_cast<std::size_t>(model_->cues_read());
  std::vector<std::int64_t> cues;
  for (const auto& query : queries) {
    for (std::size_t i = 0; i < query.texts.size() && read > 0; ++i) {
      const std::vector<std::string> own =
          query.cues.empty() ? std::vector<std::string>{query.texts[i]} : query.cues.at(i);
      for (std::size_t k = 0; k < read; ++k) cues.push_back(texts.add_cue(own.at(k % own.size())));
    }
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  const at::Tensor distinct = model_->encode_texts(texts.tokens());  // [U, C]
  const auto index = [&](const std::vector<std::int64_t>& values) {
    return torch::tensor(values, torch::kInt64).to(options_.device);
  };
  if (read == 0) return {distinct};
  return model::gather_expressions(distinct, index(rows),
                                   index(cues).view({count, static_cast<std::int64_t>(read)}));
}

// logits [N, M, h, w] of one picture -> [N, M, H, W]
at::Tensor ModelResponder::resized(const at::Tensor& logits, const Query& query) const {
  const at::Tensor flat = logits.flatten(/*start_dim=*/0, /*end_dim=*/1);
  const at::Tensor maps =
      options_.released_resize
          ? model::resize_as_released(flat, query.picture.size(-1), query.height, query.width)
          : model::resize_to_picture(model::response(flat), query.height, query.width,
                                     options_.align_corners);
  return maps.view({logits.size(0), logits.size(1), query.height, query.width})
      .to(at::kCPU, at::kFloat)
      .contiguous();
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
  const at::Tensor logits =
      model_->respond(visual, expressions_of(queries), torch::tensor(picture_of, torch::kInt64)) /
      model_->scale();  // [N, all texts, h, w]
  std::vector<at::Tensor> answers;
  std::int64_t first = 0;
  for (const auto& query : queries) {
    const auto texts = static_cast<std::int64_t>(query.texts.size());
    answers.push_back(resized(logits.slice(/*dim=*/1, first, first + texts), query));
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
