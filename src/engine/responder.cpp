#include "pcnet/engine/responder.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/profile.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/image/normalise.h"
#include "pcnet/model/response_map.h"

namespace pcnet::engine {

namespace {

constexpr std::int64_t kEntryBytes = 512;  // of a kept text beside it and its row

}  // namespace

ModelResponder::ModelResponder(std::shared_ptr<model::ReferringModel> model,
                               const text::Tokenizer& tokenizer, const Options& options)
    : model_(std::move(model)), tokenizer_(tokenizer), options_(options) {
  model_->backbone()->set_folded(true);
}

void ModelResponder::set_evaluating() const {
  if (model_->is_training()) model_->eval();  // else nothing is written: several threads are here
}

int ModelResponder::askers() const {
  constexpr int kOnGpu = 2;
  return options_.device.is_cpu() ? at::get_num_threads() : kOnGpu;
}

std::int64_t ModelResponder::TextRows::add(const std::string& text) {
  const auto [place, added] = row_of.emplace(text, static_cast<std::int64_t>(texts.size()));
  if (added) texts.push_back(text);
  return place->second;
}

/// [texts, C]
at::Tensor ModelResponder::encode_texts(const std::vector<std::string>& texts) const {
  std::vector<at::Tensor> rows;
  for (const auto& text : texts) {
    const text::Tokens tokens = tokens_of(text);
    if (tokens.words == 0) {
      throw core::UsageError(core::cat("the text \"", text,
                                       "\" holds no word that the model knows (it knows ",
                                       tokenizer_.words().size(), " words)"));
    }
    rows.push_back(torch::tensor(tokens.ids, torch::kInt64));
  }
  return model_->encode_texts(at::stack(rows));
}

void ModelResponder::keep_texts(std::int64_t most_bytes) {
  kept_ = std::make_unique<KeptTexts>(most_bytes);
}

/// [texts, C]
at::Tensor ModelResponder::kept_or_encoded(const std::vector<std::string>& texts) const {
  if (!kept_) return encode_texts(texts);
  std::vector<at::Tensor> rows;
  std::vector<std::string> missing;
  {
    const std::lock_guard lock(kept_->mutex);
    for (const auto& text : texts) {
      const at::Tensor* row = kept_->rows.find(text);
      rows.push_back(row == nullptr ? at::Tensor() : *row);
      if (row == nullptr) missing.push_back(text);
    }
  }
  if (missing.empty()) return at::stack(rows);
  const std::vector<at::Tensor> made = encode_texts(missing).unbind();
  const std::lock_guard lock(kept_->mutex);
  for (std::size_t i = 0, next = 0; i < texts.size(); ++i) {
    if (rows[i].defined()) continue;
    rows[i] = made[next++].clone();  // for itself: not all that were made beside it
    kept_->rows.keep(
        texts[i], rows[i],
        static_cast<std::int64_t>(rows[i].nbytes() + 2 * texts[i].size()) + kEntryBytes);
  }
  return at::stack(rows);
}

void ModelResponder::prepare(std::span<const std::string> texts, core::Communicator& team) {
  const torch::NoGradGuard no_grad;
  const core::AutocastScope scope = arithmetic();
  set_evaluating();
  std::vector<std::string> ordered(texts.begin(), texts.end());
  // What a text encoder computes once for all of a group comes together: on a processor equal
  // beginnings, on a GPU nearly equal lengths (clip::TextLayout).
  const bool by_beginning = options_.device.is_cpu();
  std::sort(ordered.begin(), ordered.end(), [&](const std::string& a, const std::string& b) {
    const auto length = [&](const std::string& text) { return by_beginning ? 0 : text.size(); };
    return std::pair(length(a), std::string_view(a)) < std::pair(length(b), std::string_view(b));
  });
  prepared_ = {};
  for (const auto& text : ordered) prepared_.add(text);
  constexpr std::int64_t kTogether = 256;
  const auto count = static_cast<std::int64_t>(prepared_.texts.size());
  // Each process encodes some of the groups of texts, which are the same for any number of them.
  std::vector<std::int64_t> rows;
  for (const auto groups : core::even_shares((count + kTogether - 1) / kTogether, team.size())) {
    const std::int64_t before = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
    rows.push_back(std::min(groups * kTogether, count - before));
  }
  const auto rank = static_cast<std::size_t>(team.rank());
  const auto first = std::accumulate(rows.begin(), rows.begin() + team.rank(), std::int64_t{0});
  core::Progress progress("encoding texts", rows[rank], "texts");
  std::vector<at::Tensor> parts;
  for (std::int64_t i = 0; i < rows[rank]; i += kTogether) {
    core::throw_if_stopped("stopped while texts were encoded");
    const std::int64_t end = std::min(rows[rank], i + kTogether);
    const auto begin = prepared_.texts.begin() + first;
    parts.push_back(encode_texts({begin + i, begin + end}));
    progress.update(end);
  }
  // A process without a text takes part with none.
  const at::Tensor own =
      parts.empty() ? at::empty({0, model_->options.width}, model_->parameters().front().options())
                    : at::cat(parts);
  features_ = team.all_gather(own.contiguous(), rows);
}

model::Expressions ModelResponder::expressions_of(std::span<const Query> queries,
                                                  bool prepared) const {
  const auto read = static_cast<std::size_t>(model_->cues_read());
  std::vector<const std::string*> texts;
  std::vector<const std::string*> cues;  // as many of each text as are read
  for (const auto& query : queries) {
    for (std::size_t i = 0; i < query.texts.size(); ++i) {
      texts.push_back(&query.texts[i]);
      for (std::size_t k = 0; k < read; ++k) {
        const bool itself = query.cues.empty() || query.cues.at(i).empty();
        cues.push_back(itself ? texts.back() : &query.cues[i][k % query.cues[i].size()]);
      }
    }
  }
  const auto is_prepared = [&](const std::string* text) {
    return prepared_.row_of.contains(*text);
  };
  const bool known = prepared && std::all_of(texts.begin(), texts.end(), is_prepared) &&
                     std::all_of(cues.begin(), cues.end(), is_prepared);
  TextRows own;
  const auto rows_of = [&](const std::vector<const std::string*>& wanted) {
    std::vector<std::int64_t> rows;
    for (const auto* text : wanted) {
      rows.push_back(known ? prepared_.row_of.at(*text) : own.add(*text));
    }
    return torch::tensor(rows, torch::kInt64).to(options_.device);
  };
  const at::Tensor text_rows = rows_of(texts);
  const at::Tensor cue_rows = rows_of(cues).view(
      {static_cast<std::int64_t>(texts.size()), static_cast<std::int64_t>(read)});
  const at::Tensor distinct = known      ? features_
                              : prepared ? kept_or_encoded(own.texts)
                                         : encode_texts(own.texts);  // [U, C]
  if (read == 0) return {distinct.index_select(/*dim=*/0, text_rows)};
  return model::gather_expressions(distinct, text_rows, cue_rows);
}

at::Tensor ModelResponder::maps(const at::Tensor& cosines, std::int64_t size, std::int64_t height,
                                std::int64_t width) const {
  const torch::NoGradGuard no_grad;
  const core::PartScope part("maps at the images' size");
  const at::Tensor flat = cosines.flatten(/*start_dim=*/0, /*end_dim=*/1);
  const at::Tensor resized =
      options_.released_resize
          ? model::resize_as_released(flat, size, height, width)
          : model::resize_to_picture(model::response(flat), height, width, options_.align_corners);
  return resized.view({cosines.size(0), cosines.size(1), height, width})
      .to(at::kCPU, at::kFloat)
      .contiguous();
}

model::Seen ModelResponder::look(std::span<const at::Tensor> pictures) const {
  const torch::NoGradGuard no_grad;
  const core::AutocastScope scope = arithmetic();
  set_evaluating();
  return seen_of(pictures);
}

std::vector<at::Tensor> ModelResponder::cosines(const model::Seen& seen,
                                                std::span<const Query> queries) const {
  const torch::NoGradGuard no_grad;
  const core::AutocastScope scope = arithmetic();
  set_evaluating();
  return cosines_of(seen, queries, /*prepared=*/true);
}

core::AutocastScope ModelResponder::arithmetic() const {
  const auto precision = options_.precision;
  return core::AutocastScope(
      {.device = options_.device.type(),
       .enabled = precision != config::EvalPrecision::kFp32,
       .type = precision == config::EvalPrecision::kFp16 ? at::kHalf : at::kBFloat16});
}

std::vector<at::Tensor> ModelResponder::respond(std::span<const Query> queries) {
  const torch::NoGradGuard no_grad;
  set_evaluating();
  std::vector<at::Tensor> maps;
  {
    const core::AutocastScope scope = arithmetic();
    maps = answers(queries, /*prepared=*/true);
  }
  if (options_.precision != config::EvalPrecision::kFp32) {
    std::call_once(*reported_, [&] { report_difference(queries, maps); });
  }
  return maps;
}

void ModelResponder::report_difference(std::span<const Query> queries,
                                       const std::vector<at::Tensor>& maps) const {
  const std::vector<at::Tensor> exact = answers(queries, /*prepared=*/false);
  double most = 0;
  double highest = 0;
  std::int64_t same_peaks = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    if (exact[i].numel() == 0) continue;
    most = std::max(most, (maps[i] - exact[i]).abs().max().item<double>());
    highest = std::max(highest, exact[i].max().item<double>());
    const auto peaks = [](const at::Tensor& all) { return all[-1].flatten(1).argmax(/*dim=*/1); };
    same_peaks += peaks(maps[i]).eq(peaks(exact[i])).sum().item<std::int64_t>();
    count += exact[i].size(1);
  }
  const char* images = queries.size() == 1 ? " image" : " images";
  core::log::info(core::cat("eval.precision: the maps of the first ", queries.size(), images,
                            " differ from fp32's by up to ", core::fixed(most, 5),
                            ", the highest value is ", core::fixed(highest, 3), "; ", same_peaks,
                            " of ", count, " sentences have their peak at the same pixel"));
}

model::Seen ModelResponder::seen_of(std::span<const at::Tensor> pictures) const {
  return model_->look(model_->encode_images(
      image::stack_pictures({pictures.data(), pictures.size()}).to(options_.device)));
}

std::vector<at::Tensor> ModelResponder::cosines_of(const model::Seen& seen,
                                                   std::span<const Query> queries,
                                                   bool prepared) const {
  std::vector<std::int64_t> picture_of;  // of each text
  std::vector<std::int64_t> texts;       // of each query
  for (const auto& query : queries) {
    picture_of.insert(picture_of.end(), query.texts.size(),
                      static_cast<std::int64_t>(texts.size()));
    texts.push_back(static_cast<std::int64_t>(query.texts.size()));
  }
  const at::Tensor logits = model_->respond(seen, expressions_of(queries, prepared),
                                            torch::tensor(picture_of, torch::kInt64));
  return (logits / model_->scale()).split_with_sizes(texts, /*dim=*/1);
}

std::vector<at::Tensor> ModelResponder::answers(std::span<const Query> queries,
                                                bool prepared) const {
  std::vector<at::Tensor> pictures;
  for (const auto& query : queries) pictures.push_back(query.picture);
  auto answers = cosines_of(seen_of(pictures), queries, prepared);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const Query& query = queries[i];
    answers[i] = maps(answers[i], query.picture.size(-1), query.height, query.width);
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
