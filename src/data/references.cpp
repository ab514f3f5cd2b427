#include "pcnet/core/format.h"
#include "pcnet/weights/pickle.h"

#include "refer_parts.h"

namespace pcnet::data {

using core::cat;
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
  if (dict == nullptr) throw EntryFault("broken entry", "wanted a dict");
  return **dict;
}

const PickleValue::List& as_list(const PickleValue& value, const char* what) {
  const auto* list = std::get_if<std::shared_ptr<PickleValue::List>>(&value.value);
  if (list == nullptr) throw EntryFault("wrong type", cat(what, ": wanted a list"));
  return **list;
}

template <class T>
const T& field(const PickleValue::Dict& dict, const char* key) {
  const PickleValue* value = find(dict, key);
  if (value == nullptr) throw EntryFault("missing field", cat("no \"", key, "\""));
  const T* typed = std::get_if<T>(&value->value);
  if (typed == nullptr) throw EntryFault("wrong type", cat("\"", key, "\" has the wrong type"));
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
  if (sentences == nullptr) throw EntryFault("missing field", "no \"sentences\"");
  for (const auto& entry : as_list(*sentences, "sentences")) {
    reference.sentences.push_back(read_sentence(entry));
  }
  return reference;
}

/// "reference 3 (ref_id 12)": what finds an entry that could not be read.
std::string reference_name(const PickleValue& value, std::size_t position) {
  const auto* dict = std::get_if<std::shared_ptr<PickleValue::Dict>>(&value.value);
  const PickleValue* id = dict == nullptr ? nullptr : find(**dict, "ref_id");
  const auto* number = id == nullptr ? nullptr : std::get_if<std::int64_t>(&id->value);
  return cat("reference ", position, number == nullptr ? "" : cat(" (ref_id ", *number, ")"));
}

}  // namespace

void read_references(std::string_view bytes, const std::string& file, ReferParts& parts,
                     Faults* faults) {
  const PickleValue document = weights::read_pickle(bytes, file);
  const auto& entries = as_list(document, file.c_str());
  const FaultSink sink(faults, file);
  parts.references.reserve(entries.size());
  for (std::size_t position = 0; position < entries.size(); ++position) {
    try {
      parts.references.push_back(read_reference(entries[position]));
    } catch (const EntryFault& fault) {
      sink.add(fault, reference_name(entries[position], position));
    }
  }
}

}  // namespace pcnet::data
