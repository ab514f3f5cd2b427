#include "pcnet/serve/question.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "pcnet/core/base64.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/json_scan.h"
#include "pcnet/text/utf8.h"

namespace pcnet::serve {

namespace {

using core::cat;
using nlohmann::json;

/// More of one field than any question needs: what is small on the wire is large once parsed.
constexpr std::size_t kMostFieldBytes = std::size_t{128} << 10;
constexpr std::array kFields = {"image",     "image_id", "text",   "texts",   "cues",
                                "segmentor", "maps",     "clicks", "map_size"};

[[noreturn]] void refuse(const std::string& message) { throw HttpError(400, message); }

const char* kind_of(const json& value) {
  return value.is_number()    ? "a number"
         : value.is_null()    ? "null"
         : value.is_boolean() ? "true or false"
         : value.is_string()  ? "a string"
         : value.is_array()   ? "a list"
                              : "an object";
}

std::string string_of(const json& value, const std::string& what) {
  if (!value.is_string()) refuse(cat(what, " is ", kind_of(value), ", wanted a string"));
  return value.get<std::string>();
}

const json& list_of(const json& value, const std::string& what, std::int64_t most) {
  if (!value.is_array()) refuse(cat(what, " is ", kind_of(value), ", wanted a list"));
  if (static_cast<std::int64_t>(value.size()) > most) {
    throw HttpError(413, cat(what, " has ", value.size(), " entries, wanted at most ", most));
  }
  return value;
}

/// A text or cue.
std::string words_of(const json& value, const std::string& what, const Limits& limits) {
  std::string text = string_of(value, what);
  if (static_cast<std::int64_t>(text.size()) > limits.text_bytes) {
    throw HttpError(413,
                    cat(what, " has ", text.size(), " bytes, wanted at most ", limits.text_bytes));
  }
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    refuse(cat(what, " is empty: say what to find"));
  }
  return text;
}

double number_of(const json& value, const std::string& what) {
  if (!value.is_number()) refuse(cat(what, " is ", kind_of(value), ", wanted a number"));
  const auto number = value.get<double>();
  if (!std::isfinite(number)) refuse(cat(what, " is not finite"));
  return number;
}

Click click_of(const json& value, const std::string& what) {
  if (!value.is_object())
    refuse(cat(what, " is ", kind_of(value), R"(, wanted {"x", "y", "label"})"));
  for (const auto& [key, member] : value.items()) {
    if (key != "x" && key != "y" && key != "label")
      refuse(cat(what, ": unknown field \"", key, "\""));
  }
  const auto member = [&](const char* key) {
    if (!value.contains(key)) refuse(cat(what, " has no \"", key, "\""));
    return number_of(value[key], cat(what, ".", key));
  };
  const double label = value.contains("label") ? member("label") : 1;
  if (label != 0 && label != 1) refuse(cat(what, ".label is ", label, ", wanted 1 or 0"));
  return {member("x"), member("y"), label == 1};
}

/// Fills a question field by field.
class Reader {
 public:
  Reader(Question& question, const Limits& limits) : question_(question), limits_(limits) {}

  void set(const std::string& field, const json& value) {
    if (field == "image_id") question_.image_id = string_of(value, field);
    if (field == "segmentor") question_.segmentor = string_of(value, field);
    if (field == "text") set_texts(json::array({value}));
    if (field == "texts") set_texts(value);
    if (field == "cue") set_cues_of_all(value);
    if (field == "cues") set_cues(value);
    if (field == "clicks") set_clicks(value);
    if (field == "maps") {
      if (!value.is_boolean()) refuse(cat("maps is ", kind_of(value), ", wanted true or false"));
      question_.maps = value.get<bool>();
    }
    if (field == "map_size") set_map_size(value);
  }

  /// What holds between the fields.
  void check() const {
    if (question_.image.empty() == question_.image_id.empty()) {
      refuse(question_.image.empty() ? "no image: wanted image or image_id"
                                     : "image and image_id: wanted one of them");
    }
    if (question_.texts.empty()) refuse("no text: wanted texts, what to find");
    const auto texts = question_.texts.size();
    const auto fits = [&](std::size_t count, const char* what) {
      if (count != 0 && count != texts) {
        refuse(cat(what, " has ", count, " entries, wanted one for each of ", texts, " texts"));
      }
    };
    fits(question_.cues.size(), "cues");
    fits(question_.clicks.size(), "clicks");
  }

 private:
  void set_texts(const json& value) {
    for (const auto& text : list_of(value, "texts", limits_.texts)) {
      question_.texts.push_back(
          words_of(text, cat("texts[", question_.texts.size(), "]"), limits_));
    }
  }

  std::vector<std::string> cues_of(const json& value, const std::string& what) const {
    std::vector<std::string> cues;
    for (const auto& cue : list_of(value, what, limits_.cues)) {
      cues.push_back(words_of(cue, cat(what, "[", cues.size(), "]"), limits_));
    }
    return cues;
  }

  void set_cues(const json& value) {
    for (const auto& cues : list_of(value, "cues", limits_.texts)) {
      const auto what = cat("cues[", question_.cues.size(), "]");
      question_.cues.push_back(cues.is_null() ? std::nullopt : std::optional(cues_of(cues, what)));
    }
  }

  void set_cues_of_all(const json& value) {
    question_.cues.assign(question_.texts.size(), cues_of(value, "cue"));
  }

  void set_clicks(const json& value) {
    for (const auto& clicks : list_of(value, "clicks", limits_.texts)) {
      const auto what = cat("clicks[", question_.clicks.size(), "]");
      auto& own = question_.clicks.emplace_back();
      if (clicks.is_null()) continue;
      for (const auto& click : list_of(clicks, what, limits_.clicks)) {
        own.push_back(click_of(click, cat(what, "[", own.size(), "]")));
      }
    }
  }

  void set_map_size(const json& value) {
    constexpr std::int64_t kLeast = 16;
    constexpr std::int64_t kMost = 2048;
    const double size = number_of(value, "map_size");
    if (size < kLeast || size > kMost || size != std::floor(size)) {
      refuse(cat("map_size is ", size, ", wanted a whole number from ", kLeast, " to ", kMost));
    }
    question_.map_size = static_cast<std::int64_t>(size);
  }

  Question& question_;
  const Limits& limits_;
};

json parse_field(const std::string& name, std::string_view text) {
  if (text.size() > kMostFieldBytes) {
    throw HttpError(413,
                    cat(name, " has ", text.size(), " bytes, wanted at most ", kMostFieldBytes));
  }
  try {
    return core::parse_json<json>(text);
  } catch (const core::Error& error) {
    refuse(cat(name, ": ", error.what()));
  }
}

std::string image_of(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') refuse("image is no string, wanted base64");
  std::string_view letters = value.substr(1, value.size() - 2);
  std::string unescaped;
  if (letters.find('\\') != std::string_view::npos) {  // some programs write / as \/
    for (std::size_t i = 0; i < letters.size(); ++i) {
      if (letters[i] != '\\' || !letters.substr(i).starts_with("\\/")) unescaped += letters[i];
    }
    letters = unescaped;
  }
  auto bytes = core::from_base64(letters);
  if (!bytes || bytes->empty()) refuse("image is no base64 of a file");
  return std::move(*bytes);
}

void require_known(const std::string& field, bool of_form) {
  std::vector<std::string> known(kFields.begin(), kFields.end());
  if (of_form) known.emplace_back("cue");
  if (std::find(known.begin(), known.end(), field) != known.end()) return;
  const std::string near = core::nearest(field, known);
  refuse(
      cat("unknown field \"", field, "\"", near.empty() ? "" : cat(" (did you mean ", near, "?)")));
}

}  // namespace

Question parse_question(std::string_view text, const Limits& limits) {
  Question question;
  Reader reader(question, limits);
  std::set<std::string> seen;
  try {
    core::JsonScanner scanner(text);
    scanner.members([&](const std::string& field) {
      require_known(field, /*of_form=*/false);
      if (!seen.insert(field).second) refuse(cat(field, " is there twice"));
      const std::string_view value = scanner.value();
      if (field == "image") {
        question.image = image_of(value);
      } else {
        reader.set(field, parse_field(field, value));
      }
      return true;
    });
    scanner.require_end();
    if (seen.contains("text") && seen.contains("texts"))
      refuse("text and texts: wanted one of them");
  } catch (const HttpError&) {
    throw;
  } catch (const core::Error& error) {
    refuse(cat("the body is no JSON object: ", error.what()));
  }
  reader.check();
  return question;
}

Question parse_question(std::span<const Part> parts, const Limits& limits) {
  Question question;
  Reader reader(question, limits);
  std::set<std::string> seen;
  json texts = json::array();
  json cues = json::array();
  for (const auto& [name, content] : parts) {
    require_known(name, /*of_form=*/true);
    const bool repeats = name == "text" || name == "cue";
    if (!seen.insert(name).second && !repeats) refuse(cat(name, " is there twice"));
    if (name == "image") {
      question.image = content;
    } else if (content.size() > kMostFieldBytes || text::valid_utf8(content) != content) {
      refuse(cat(name, " is no text in UTF-8, or too long"));
    } else if (repeats) {
      (name == "text" ? texts : cues).push_back(content);
    } else if (name == "image_id" || name == "segmentor") {
      reader.set(name, content);
    } else {
      reader.set(name, parse_field(name, content));
    }
  }
  if (seen.contains("cue") && seen.contains("cues")) refuse("cue and cues: wanted one of them");
  if (seen.contains("text") && seen.contains("texts")) refuse("text and texts: wanted one of them");
  if (seen.contains("text")) reader.set("texts", texts);
  if (seen.contains("cue")) reader.set("cue", cues);
  reader.check();
  return question;
}

}  // namespace pcnet::serve
