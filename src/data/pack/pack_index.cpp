#include "pack_index.h"

#include <algorithm>

#include "pcnet/core/format.h"

namespace pcnet::data {

using core::cat;
using core::Error;

namespace {

// What an annotation says yes to.
constexpr std::uint64_t kCrowd = 1;
constexpr std::uint64_t kDamaged = 2;

const PackedText& text_at(std::span<const PackedText> texts, std::uint64_t row) {
  if (row < texts.size()) return texts[row];
  throw Error(cat("it names text ", row, " of ", texts.size()));
}

void encode_image(const ImageRecord& image, const PackedPicture& picture, RecordWriter& out) {
  out.whole(image.image_id);
  out.text(image.file_name);
  out.whole(image.height);
  out.whole(image.width);
  out.number(picture.has_proposals ? 1 : 0);
  if (!picture.has_proposals) return;
  out.number(picture.proposals_at);
  out.number(picture.proposal_bytes);
  out.number(picture.proposal_checksum);
}

void decode_image(RecordReader& in, PackedIndex& index) {
  ImageRecord image;
  image.image_id = in.whole();
  image.file_name = in.text();
  image.height = in.whole();
  image.width = in.whole();
  PackedPicture picture;
  picture.has_proposals = in.number() != 0;
  if (picture.has_proposals) {
    picture.proposals_at = in.number();
    picture.proposal_bytes = in.number();
    picture.proposal_checksum = static_cast<std::uint32_t>(in.number());
  }
  index.parts.images.push_back(std::move(image));
  index.pictures.push_back(picture);
}

void encode_annotation(const Annotation& annotation, const MaskLengths& mask, RecordWriter& out) {
  out.whole(annotation.ann_id);
  out.whole(annotation.image_id);
  out.whole(annotation.category_id);
  out.number((annotation.crowd ? kCrowd : 0) | (annotation.damage != nullptr ? kDamaged : 0));
  for (const double side : annotation.box) out.real(side);
  out.number(mask.whole);
  out.number(mask.exclusive);
}

Annotation decode_annotation(RecordReader& in, RecordReader& masks) {
  Annotation annotation;
  annotation.ann_id = in.whole();
  annotation.image_id = in.whole();
  annotation.category_id = in.whole();
  const std::uint64_t flags = in.number();
  annotation.crowd = (flags & kCrowd) != 0;
  if ((flags & kDamaged) != 0) {
    annotation.damage =
        std::make_shared<const Fault>(Fault{"broken mask", cat("ann_id ", annotation.ann_id),
                                            "its mask or box was broken when the pack was made"});
  }
  for (double& side : annotation.box) side = in.real();
  annotation.coded = masks.raw(in.number());
  annotation.coded_exclusive = masks.raw(in.number());
  return annotation;
}

void encode_reference(const Reference& reference, TextTable& texts, RecordWriter& out) {
  out.whole(reference.ref_id);
  out.whole(reference.ann_id);
  out.whole(reference.image_id);
  out.text(reference.split);
  out.number(reference.sentences.size());
  for (const auto& sentence : reference.sentences) {
    out.whole(sentence.sent_id);
    out.number(texts.row_of(sentence.text));
    out.text(sentence.kind);
  }
}

Reference decode_reference(RecordReader& in, std::span<const PackedText> texts) {
  Reference reference;
  reference.ref_id = in.whole();
  reference.ann_id = in.whole();
  reference.image_id = in.whole();
  reference.split = in.text();
  reference.sentences.resize(in.count(/*least=*/3));
  for (auto& sentence : reference.sentences) {
    sentence.sent_id = in.whole();
    sentence.text = text_at(texts, in.number()).text;
    sentence.kind = in.text();
  }
  return reference;
}

}  // namespace

std::uint64_t TextTable::row_of(const std::string& text) {
  const auto [place, added] = rows_.emplace(text, texts_.size());
  if (added) texts_.push_back(&place->first);
  return place->second;
}

std::string TextTable::encode(const text::Tokenizer& tokenizer, std::int64_t length,
                              text::Truncate truncate, text::Omissions& omissions) const {
  RecordWriter out;
  out.number(texts_.size());
  for (const auto* text : texts_) {
    const text::Tokens tokens = tokenizer.encode(*text, length, truncate);
    omissions.add(tokens);
    RecordWriter row;
    if (tokens.words > 0 && tokens.unknown_words.empty()) {
      row.whole(tokens.words);
      row.whole(tokens.cut);
      auto last = tokens.ids.end();
      while (last != tokens.ids.begin() && *(last - 1) == 0) --last;  // padding
      for (auto id = tokens.ids.begin(); id != last; ++id) row.whole(*id);
    }
    out.text(*text);
    out.text(row.bytes());
  }
  return out.bytes();
}

std::vector<PackedText> decode_texts(std::string_view section) {
  RecordReader in(section);
  std::vector<PackedText> texts(in.count(/*least=*/2));
  for (auto& text : texts) {
    text.text = in.text();
    text.tokens = in.text();
  }
  return texts;
}

text::Tokens decode_tokens(const PackedText& text, std::int64_t length) {
  RecordReader in(text.tokens);
  text::Tokens tokens;
  tokens.words = in.whole();
  tokens.cut = in.whole();
  tokens.ids.assign(static_cast<std::size_t>(length), 0);
  for (std::size_t i = 0; !in.at_end(); ++i) {
    if (i == tokens.ids.size()) throw Error(cat("a text has more than ", length, " tokens"));
    tokens.ids[i] = in.whole();
  }
  return tokens;
}

std::string encode_index(const ReferParts& parts, std::span<const PackedPicture> pictures,
                         std::span<const MaskLengths> masks, TextTable& texts) {
  RecordWriter out;
  out.number(parts.images.size());
  for (std::size_t i = 0; i < parts.images.size(); ++i) {
    encode_image(parts.images[i], pictures[i], out);
  }
  out.number(parts.categories.size());
  for (const auto& category : parts.categories) {
    out.whole(category.category_id);
    out.text(category.name);
  }
  out.number(parts.annotations.size());
  for (std::size_t i = 0; i < parts.annotations.size(); ++i) {
    encode_annotation(parts.annotations[i], masks[i], out);
  }
  out.number(parts.references.size());
  for (const auto& reference : parts.references) encode_reference(reference, texts, out);
  return out.bytes();
}

PackedIndex decode_index(std::string_view section, std::span<const PackedText> texts,
                         std::string_view masks) {
  RecordReader in(section);
  RecordReader mask_reader(masks);
  PackedIndex index;
  std::size_t left = in.count(/*least=*/5);
  index.parts.images.reserve(left);
  index.pictures.reserve(left);
  for (; left > 0; --left) decode_image(in, index);
  for (left = in.count(/*least=*/2); left > 0; --left) {
    const std::int64_t category_id = in.whole();
    index.parts.categories.push_back({category_id, std::string(in.text())});
  }
  left = in.count(/*least=*/38);
  index.parts.annotations.reserve(left);
  for (; left > 0; --left) {
    index.parts.annotations.push_back(decode_annotation(in, mask_reader));
  }
  left = in.count(/*least=*/5);
  index.parts.references.reserve(left);
  for (; left > 0; --left) index.parts.references.push_back(decode_reference(in, texts));
  return index;
}

std::string encode_rows(const RowsById& lists) {
  RecordWriter out;
  out.number(lists.size());
  for (const auto& [id, rows] : lists) {
    out.whole(id);
    out.number(rows.size());
    for (const auto row : rows) out.number(row);
  }
  return out.bytes();
}

std::unordered_map<std::int64_t, std::vector<std::string>> decode_rows(
    std::string_view section, std::span<const PackedText> texts) {
  RecordReader in(section);
  std::unordered_map<std::int64_t, std::vector<std::string>> lists;
  std::size_t left = in.count(/*least=*/2);
  lists.reserve(left);
  for (; left > 0; --left) {
    auto& list = lists[in.whole()];
    list.resize(in.count(/*least=*/1));
    for (auto& text : list) text = text_at(texts, in.number()).text;
  }
  return lists;
}

}  // namespace pcnet::data
