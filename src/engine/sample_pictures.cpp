#include "pcnet/engine/sample_pictures.h"

#include <array>
#include <set>
#include <utility>
#include <vector>

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/image/overlay.h"
#include "pcnet/report/answer_picture.h"

namespace pcnet::engine {

namespace {

/// Answer and heat of one expression, side by side.
image::Picture draw_sample(data::Dataset& dataset, const data::Reference& reference,
                           const at::Tensor& resized, Responder& responder, Segmentor& segmentor,
                           const config::EvalOptions& options) {
  const auto& index = dataset.index();
  const auto& record = index.image(reference.image_id);
  const auto& sentence = reference.sentences.front();
  Query query{resized, record.height, record.width, {sentence.text}, {sentence.sent_id}};
  // With the cues that the figures are reached with.
  if (responder.cues_read() > 0 && dataset.has_cues()) query.cues = {dataset.cues_of(sentence)};
  const at::Tensor map = responder.respond({&query, 1}).front()[-1][0].contiguous();
  const std::span<const float> values(map.const_data_ptr<float>(),
                                      static_cast<std::size_t>(map.numel()));
  const metrics::Peak peak = metrics::find_peak(values, record.width);
  const image::Mask truth =
      image::decode(index.mask(index.annotation(reference.ann_id), options.ground_truth));
  image::Picture picture = dataset.pictures().original(record.image_id);
  AnsweredImage answered{
      record.height, record.width, {{values, peak, &truth, sentence.sent_id}}, {}, [&] {
        return picture;
      }};
  if (needs_proposals(segmentor.kind())) {
    answered.proposals = decode(dataset.proposals().of(record.image_id));
  }
  const image::Mask mask = std::move(segmentor.segment(answered).front().mask);
  const bool hit = metrics::hits_mask(peak, truth);
  const report::Answer answer{
      picture, values, mask, peak, &truth, core::cat(sentence.text, hit ? " (hit)" : " (miss)")};
  const std::array<image::Picture, 2> pair = {report::draw_answer(answer),
                                              report::draw_heat(answer)};
  return image::sheet(pair, 2);
}

}  // namespace

std::vector<image::Picture> draw_samples(data::Dataset& dataset, const std::string& split,
                                         Responder& responder, Segmentor& segmentor,
                                         const config::EvalOptions& options) {
  std::vector<image::Picture> drawn;
  std::set<std::int64_t> seen;
  const auto& index = dataset.index();
  for (const auto position : index.split(split)) {
    if (static_cast<std::int64_t>(drawn.size()) >= options.samples) break;
    const auto& reference = index.references()[position];
    if (reference.sentences.empty() || index.annotation(reference.ann_id).damage != nullptr)
      continue;
    if (!seen.insert(reference.image_id).second) continue;
    const auto resized = dataset.pictures().get(reference.image_id);
    if (!resized) continue;
    drawn.push_back(draw_sample(dataset, reference, *resized, responder, segmentor, options));
  }
  return drawn;
}

image::Picture sample_sheet(const std::vector<image::Picture>& samples) {
  return image::sheet(samples, 3);
}

void write_samples(const std::filesystem::path& folder, const std::string& split,
                   const std::vector<image::Picture>& samples) {
  if (samples.empty()) return;
  core::ensure_writable_folder(folder);
  for (std::size_t k = 0; k < samples.size(); ++k) {
    image::write_png(folder / core::cat(split, "_", k, ".png"), samples[k]);
  }
  image::write_png(folder / core::cat(split, ".png"), sample_sheet(samples));
  core::sync_disk(folder);
}

}  // namespace pcnet::engine
