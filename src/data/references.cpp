#include <unordered_set>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/data/refer_index.h"
#include "pcnet/weights/pickle.h"

namespace pcnet::data {

using core::cat;
using core::Error;
using weights::PickleValue;

namespace {

const PickleValue* find(const PickleValue::Dict& dict, const char* key) {
  for (const auto& [name, value] : dict) {
    const auto* text = std::get_if<std::string>(&name.value);
    if (text != nullptr && *text == key) return &value;
  }
  return nullptr;
}

const PickleValue::Dict& as_dict(const PickleValue& value) {
  const auto* dict = std::get_if<std::shared_ptr<PickleValue::Dict>>(&value.value);
  if (dict == nullptr) throw Error("wanted a dict");
  return **dict;
}

const PickleValue::List& as_list(const PickleValue& value, const char* what) {
  const auto* list = std::get_if<std::shared_ptr<PickleValue::List>>(&value.value);
  if (list == nullptr) throw Error(cat(what, ": wanted a list"));
  return **list;
}

template <class T>
const T& field(const PickleValue::Dict& dict, const char* key) {
  const PickleValue* value = find(dict, key);
  if (value == nullptr) throw Error(cat("no \"", key, "\""));
  const T* typed = std::get_if<T>(&value->value);
  if (typed == nullptr) throw Error(cat("\"", key, "\" has the wrong type"));
  return *typed;
}

Sentence read_sentence(const PickleValue& value) {
  const auto& dict = as_dict(value);
  Sentence sentence;
  sentence.sent_id = field<std::int64_t>(dict, "sent_id");
  sentence.text = field<std::string>(dict, "sent");
  if (find(dict, "kind") != nullptr) sentence.kind = field<std::string>(dict, "kind");
  return sentence;
}

Reference read_reference(const PickleValue& value) {
  const auto& dict = as_dict(value);
  Reference reference;
  reference.ref_id = field<std::int64_t>(dict, "ref_id");
  reference.ann_id = field<std::int64_t>(dict, "ann_id");
  reference.image_id = field<std::int64_t>(dict, "image_id");
  reference.split = field<std::string>(dict, "split");
  const PickleValue* sentences = find(dict, "sentences");
  if (sentences == nullptr) throw Error("no \"sentences\"");
  for (const auto& entry : as_list(*sentences, "sentences")) {
    reference.sentences.push_back(read_sentence(entry));
  }
  return reference;
}

}  // namespace

void ReferIndex::read_references(const std::filesystem::path& path) {
  const std::string file = path.string();
  const PickleValue document = weights::read_pickle(core::read_file(path), file);
  std::unordered_set<std::int64_t> ref_ids;
  std::unordered_set<std::int64_t> sent_ids;
  std::size_t position = 0;
  for (const auto& entry : as_list(document, file.c_str())) {
    const auto where = [&] { return cat(file, ": reference ", position, ": "); };
    try {
      Reference reference = read_reference(entry);
      if (!ref_ids.insert(reference.ref_id).second) {
        throw Error(cat("duplicate ref_id ", reference.ref_id));
      }
      for (const auto& sentence : reference.sentences) {
        if (!sent_ids.insert(sentence.sent_id).second) {
          throw Error(cat("duplicate sent_id ", sentence.sent_id));
        }
      }
      if (annotation(reference.ann_id).image_id != image(reference.image_id).image_id) {
        throw Error(cat("ref_id ", reference.ref_id, " and its object are of different pictures"));
      }
      references_.push_back(std::move(reference));
    } catch (const Error& fault) {
      throw Error(where() + fault.what());
    }
    ++position;
  }
}

}  // namespace pcnet::data
