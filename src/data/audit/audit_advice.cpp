#include <array>
#include <string_view>

#include "audit_parts.h"

namespace pcnet::data {

namespace {

struct Advice {
  std::string_view kind;
  std::string_view text;
};

constexpr std::array kAdvice = {
    Advice{"missing image",
           "point --images at the folder that has them; RefCOCO's are COCO's train2014.zip"},
    Advice{"unreadable image",
           "fetch these files again; data.on_bad_image=skip trains without them"},
    Advice{"image of another size",
           "these are other images than those annotated, or resized ones: masks would not fit"},
    Advice{"image with an EXIF orientation",
           "masks must be drawn on the images as they are read: data.exif=stored or turned "
           "chooses"},
    Advice{"one file for two images", "give each image an entry of its own in `images`"},
    Advice{"broken mask",
           "correct the outline; data.on_bad_annotation=skip trains without it and leaves the "
           "object's sentences out of evaluation"},
    Advice{"empty mask", "no answer can be right there: correct the outline or drop the reference"},
    Advice{"empty mask that nothing refers to", "harmless: no sentence is about it"},
    Advice{"mask outside of its image",
           "polygons count in pixels of the image as the annotations size it"},
    Advice{"reference without sentences", "drop these references, or give them a sentence"},
    Advice{"sentence without tokens", "training and evaluation refuse such texts: correct them"},
    Advice{"sentence that will be cut", "data.text_length sets the room (CLIP knows up to 77)"},
    Advice{"cue that will be cut", "data.text_length sets the room (CLIP knows up to 77)"},
    Advice{"cue without tokens", "training refuses such texts: correct them"},
    Advice{"sentence with words that training does not know",
           "the words are left out; model.clip.text.tokenizer=bpe knows every word"},
    Advice{"image in train and in an evaluation split",
           "scores on that split are flattered: move the references to one split"},
    Advice{"object without a mask in an evaluation split",
           "training needs none, evaluation does: draw it, or move the reference to train"},
    Advice{"no cues",
           "only training with cues needs them: `pcnet cues make`, or --cues names a file"},
    Advice{
        "cues of another dataset",
        "name this dataset's own with --cues, make some with `pcnet cues make`, or let the rules "
        "make them with --cues rules"},
    Advice{"cues without their sentences", "`pcnet cues import` with this dataset writes them"},
    Advice{"sentence without cues",
           "`pcnet cues make` makes them; data.missing_cues=sentence takes the sentence itself "
           "instead"},
    Advice{"no proposals", "only losses and segmentors that use them need them: --proposals"},
    Advice{"image without proposals", "make them, or loosen data.proposal_filter if it left none"},
    Advice{"damaged proposals", "make or fetch them again: such images stop what uses proposals"},
};

}  // namespace

std::string advice_for(const std::string& kind, const DatasetFiles& files) {
  if (kind == "image in train and in an evaluation split" && files.dataset == "refcocog" &&
      files.split_by == "google") {
    return "known of RefCOCOg's google partition, whose val scores are flattered by it; "
           "--split-by umd shares none";
  }
  for (const auto& advice : kAdvice) {
    if (advice.kind == kind) return std::string(advice.text);
  }
  return {};
}

}  // namespace pcnet::data
