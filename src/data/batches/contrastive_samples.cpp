#include <algorithm>
#include <map>
#include <set>

#include "pcnet/config/validate.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/data/batches/samples.h"
#include "pcnet/text/mirror.h"

namespace pcnet::data {

using core::cat;
using core::Error;

namespace {

/// Error when texts of a kind are asked for and the picture has none.
void require_some(const std::vector<std::int64_t>& items, std::int64_t count, const char* kind,
                  std::int64_t image_id) {
  if (count == 0 || !items.empty()) return;
  throw Error(cat("image_id ", image_id, " has no ", kind, ", wanted ", count,
                  " an image (train.contrastive.", kind, ")"));
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

ContrastiveSamples::ContrastiveSamples(Dataset& dataset, const text::Tokenizer& tokenizer,
                                       const config::ContrastiveBatchOptions& options,
                                       bool mirrored)
    : Samples(dataset, tokenizer), options_(options) {
  config::validate(options, mirrored);
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
      read_captions(found->second, mirrored, picture);
    }
    require_some(picture.captions, options.captions, "captions", image_id);
    require_some(picture.cues, options.cues, "cues", image_id);
    pictures_.push_back(std::move(picture));
  }
  report_omissions();
}

void ContrastiveSamples::read_captions(const std::vector<std::string>& captions, bool mirrored,
                                       Picture& picture) {
  for (const auto& caption : captions) {
    const std::int64_t row = bank_.add(caption);
    picture.captions.push_back(row);
    const auto swapped = text::turned(caption);
    if (!swapped) continue;
    picture.positional.push_back(row);
    // With look-alikes on both sides both texts are true.
    const bool also_true = std::find(captions.begin(), captions.end(), *swapped) != captions.end();
    if (mirrored && !also_true) picture.mirrored.emplace(row, bank_.add(*swapped));
  }
}

void ContrastiveSamples::draw_captions(const Picture& picture, core::Rng& rng,
                                       std::vector<std::int64_t>& into) const {
  const auto positional =
      std::min(options_.positional_captions, static_cast<std::int64_t>(picture.positional.size()));
  draw_some(picture.positional, positional, rng, into);
  std::vector<std::int64_t> others = picture.captions;
  std::erase_if(others, [&](auto row) { return std::count(into.begin(), into.end(), row) > 0; });
  draw_some(others.empty() ? picture.captions : others, options_.captions - positional, rng, into);
}

Samples::Draw ContrastiveSamples::draw(std::size_t sample, core::Rng& rng) const {
  const Picture& picture = pictures_[sample];
  Draw drawn{.image_id = picture.image_id};
  draw_captions(picture, rng, drawn.texts);
  for (const auto caption : drawn.texts) {
    const auto found = picture.mirrored.find(caption);
    drawn.mirrored.push_back(found == picture.mirrored.end() ? -1 : found->second);
  }
  draw_some(picture.expressions, options_.expressions, rng, drawn.texts);
  draw_some(picture.cues, options_.cues, rng, drawn.texts);
  drawn.mirrored.resize(drawn.texts.size(), -1);
  return drawn;
}

}  // namespace pcnet::data
