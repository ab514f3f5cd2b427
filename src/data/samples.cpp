#include "pcnet/data/samples.h"

#include <map>
#include <set>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/random.h"
#include "pcnet/image/normalise.h"

namespace pcnet::data {

using core::cat;
using core::Error;

Samples::Samples(Dataset& dataset, const text::Tokenizer& tokenizer)
    : dataset_(dataset), bank_(tokenizer, dataset.options()) {}

Batch Samples::batch(std::span<const std::size_t> samples, std::uint64_t seed,
                     std::uint64_t epoch) {
  std::vector<at::Tensor> images;
  std::vector<std::int64_t> rows;                    // bank row of each text, picture by picture
  std::map<std::int64_t, std::int64_t> position_of;  // bank row -> row of the batch's tokens
  std::vector<std::int64_t> distinct;
  for (const std::size_t sample : samples) {
    core::Rng rng({seed, epoch, sample});
    const Draw drawn = draw(sample, rng);
    auto picture = dataset_.pictures().get(drawn.image_id);
    if (!picture) continue;
    images.push_back(std::move(*picture));
    for (const auto row : drawn.texts) {
      const auto [place, added] =
          position_of.emplace(row, static_cast<std::int64_t>(distinct.size()));
      if (added) distinct.push_back(row);
      rows.push_back(place->second);
    }
  }
  if (images.empty()) throw Error("no picture of the batch can be read");
  const auto count = static_cast<std::int64_t>(images.size());
  return {image::stack_pictures(images), bank_.gather(distinct),
          torch::tensor(rows, torch::kInt64).view({count, -1})};
}

namespace {

/// Warns once about texts that the context is too short for.
void report_cut(const TextBank& bank, const config::DataOptions& options) {
  if (bank.cut() == 0) return;
  core::log::warning(cat(bank.cut(), " of ", bank.rows(),
                         " distinct training texts are longer than ", options.text_length,
                         " tokens and were cut (data.text_length)"));
}

/// Error when texts of a kind are asked for and the picture has none.
void require_some(const std::vector<std::int64_t>& items, std::int64_t count, const char* kind,
                  std::int64_t image_id) {
  if (count == 0 || !items.empty()) return;
  throw Error(cat("image_id ", image_id, " has no ", kind, ", wanted ", count,
                  " a picture (train.contrastive.", kind, ")"));
}

/// `count` of the items (not empty), each once while there are enough.
void draw_some(const std::vector<std::int64_t>& items, std::int64_t count, core::Rng& rng,
               std::vector<std::int64_t>& into) {
  std::vector<std::int64_t> left;
  for (std::int64_t i = 0; i < count; ++i) {
    if (left.empty()) {
      left = items;
      rng.shuffle(left);
    }
    into.push_back(left.back());
    left.pop_back();
  }
}

}  // namespace

ReferringSamples::ReferringSamples(Dataset& dataset, const text::Tokenizer& tokenizer)
    : Samples(dataset, tokenizer) {
  const auto& index = dataset.index();
  for (const auto position : index.split("train")) {
    const Reference& reference = index.references()[position];
    if (reference.sentences.empty()) continue;
    Object object{reference.image_id, {}};
    for (const auto& sentence : reference.sentences) {
      object.sentences.push_back(bank_.add(sentence.text));
    }
    objects_.push_back(std::move(object));
  }
  report_cut(bank_, dataset.options());
}

Samples::Draw ReferringSamples::draw(std::size_t sample, core::Rng& rng) const {
  const Object& object = objects_[sample];
  return {object.image_id, {rng.pick(object.sentences)}};
}

ContrastiveSamples::ContrastiveSamples(Dataset& dataset, const text::Tokenizer& tokenizer,
                                       const config::ContrastiveBatchOptions& options)
    : Samples(dataset, tokenizer), options_(options) {
  if (options.captions + options.expressions + options.cues == 0) {
    throw core::ConfigError(
        "train.contrastive: captions, expressions and cues are all 0, wanted a text a picture");
  }
  if (options.cues > 0) dataset.check_cues("train");
  const auto& index = dataset.index();
  std::map<std::int64_t, Picture> by_image;
  for (const auto position : index.split("train")) {
    const Reference& reference = index.references()[position];
    if (reference.sentences.empty()) continue;
    Picture& picture = by_image[reference.image_id];
    picture.image_id = reference.image_id;
    for (const auto& sentence : reference.sentences) {
      picture.expressions.push_back(bank_.add(sentence.text));
      if (options.cues == 0) continue;
      const auto cues = dataset.cues_of(sentence);
      for (const auto& cue : std::set<std::string>(cues.begin(), cues.end())) {
        picture.cues.push_back(bank_.add(cue));
      }
    }
  }
  for (auto& [image_id, picture] : by_image) {
    if (options.captions > 0) {
      const auto found = dataset.captions().find(image_id);
      if (found == dataset.captions().end()) {
        throw Error(
            cat("no captions for image_id ", image_id, " in ", dataset.files().captions.string()));
      }
      for (const auto& caption : found->second) picture.captions.push_back(bank_.add(caption));
    }
    require_some(picture.captions, options.captions, "captions", image_id);
    require_some(picture.cues, options.cues, "cues", image_id);
    pictures_.push_back(std::move(picture));
  }
  report_cut(bank_, dataset.options());
}

Samples::Draw ContrastiveSamples::draw(std::size_t sample, core::Rng& rng) const {
  const Picture& picture = pictures_[sample];
  Draw drawn{picture.image_id, {}};
  draw_some(picture.captions, options_.captions, rng, drawn.texts);
  draw_some(picture.expressions, options_.expressions, rng, drawn.texts);
  draw_some(picture.cues, options_.cues, rng, drawn.texts);
  return drawn;
}

}  // namespace pcnet::data
