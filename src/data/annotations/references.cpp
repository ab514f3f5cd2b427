#include "pcnet/core/format.h"
#include "pcnet/weights/pickle.h"

#include "refer_parts.h"

namespace pcnet::data {

using core::cat;
using weights::PickleValue;

namespace {

const PickleValue* find(const PickleValue::Dict& dict, const char* key) {
  for (const auto& [name, value] : dict) {
    const auto* bytes = std::get_if<PickleValue::Bytes>(&name.value);
    const auto* text = bytes != nullptr ? &bytes->data : std::get_if<std::string>(&name.value);
    if (text != nullptr && *text == key) return &value;
  }
  return nullptr;
}

const PickleValue::Dict& as_dict(const PickleValue& value) {
  const auto* dict = std::get_if<std::shared_ptr<PickleValue::Dict>>(&value.value);
  if (dict == nullptr) {
    throw EntryFault("broken entry", cat("it is ", weights::pickle_kind(value), ", wanted a dict"));
  }
  return **dict;
}

const PickleValue& field(const PickleValue::Dict& dict, const char* key) {
  const PickleValue* value = find(dict, key);
  if (value == nullptr) throw EntryFault("missing field", cat("no \"", key, "\""));
  return *value;
}

[[noreturn]] void wrong_type(const char* key, const PickleValue& got, const char* wanted) {
  throw EntryFault("wrong type",
                   cat("\"", key, "\" is ", weights::pickle_kind(got), ", wanted ", wanted));
}

std::int64_t number_field(const PickleValue::Dict& dict, const char* key) {
  const PickleValue& value = field(dict, key);
  const auto* number = std::get_if<std::int64_t>(&value.value);
  if (number == nullptr) wrong_type(key, value, "a whole number");
  return *number;
}

std::string text_field(const PickleValue::Dict& dict, const char* key) {
  const PickleValue& value = field(dict, key);
  auto text = weights::pickle_text(value);
  if (!text) wrong_type(key, value, "a text");
  return *std::move(text);
}

Sentence read_sentence(const PickleValue& value) {
  const auto& dict = as_dict(value);
  Sentence sentence;
  sentence.sent_id = number_field(dict, "sent_id");
  sentence.text = text_field(dict, "sent");
  if (find(dict, "kind") != nullptr) sentence.kind = text_field(dict, "kind");
  return sentence;
}

Reference read_reference(const PickleValue& value) {
  const auto& dict = as_dict(value);
  Reference reference;
  reference.ref_id = number_field(dict, "ref_id");
  reference.ann_id = number_field(dict, "ann_id");
  reference.image_id = number_field(dict, "image_id");
  reference.split = text_field(dict, "split");
  const PickleValue& sentences = field(dict, "sentences");
  const auto* list = std::get_if<std::shared_ptr<PickleValue::List>>(&sentences.value);
  if (list == nullptr) wrong_type("sentences", sentences, "a list");
  for (const auto& entry : **list) reference.sentences.push_back(read_sentence(entry));
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
  const auto* list = std::get_if<std::shared_ptr<PickleValue::List>>(&document.value);
  if (list == nullptr) {
    throw core::Error(cat(file, ": it holds ", weights::pickle_kind(document),
                          ", wanted REFER's list of references"));
  }
  const PickleValue::List& entries = **list;
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
