#include "pcnet/runtime/prediction_inputs.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using core::UsageError;
using nlohmann::json;

namespace {

constexpr const char* kStdin = "-";

/// By its name; what predict itself writes beside the images is none.
bool is_image(const fs::path& path) {
  constexpr std::array kSuffixes = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"};
  constexpr std::array kOwn = {".overlay.png", ".mask.png", ".stages.png"};
  const auto ends = [name = path.filename().string()](const char* ending) {
    return name.ends_with(ending);
  };
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end() &&
         std::none_of(kOwn.begin(), kOwn.end(), ends);
}

class Gathering {
 public:
  explicit Gathering(const PredictionRequest& request)
      : request_(request),
        questions_(std::make_shared<Questions>(Questions{request.texts, request.cues})) {}

  void add(const fs::path& path) { add(path, questions_, {}); }

  void add_list(const fs::path& list) {
    const bool from_stdin = list == kStdin;
    const std::string text = core::read_file(from_stdin ? "/dev/stdin" : list);
    std::size_t number = 0;
    for (std::string_view rest = core::utf8_text(text); !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      ++number;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
      try {
        add_line(line);
      } catch (const UsageError& fault) {
        throw UsageError(
            cat(from_stdin ? "the list" : list.string(), ", line ", number, ": ", fault.what()));
      }
    }
  }

  std::vector<PredictionInput> take() {
    if (inputs_.empty()) throw UsageError("no image: give --image or --list");
    require_different_names();
    return std::move(inputs_);
  }

 private:
  void add(const fs::path& path, const std::shared_ptr<const Questions>& questions,
           const fs::path& stem) {
    if (questions->texts.empty()) {
      throw UsageError(cat("no text for ", path.string(), ": give --text"));
    }
    if (path == kStdin) return add_pipe("/dev/stdin", "stdin", questions);
    std::error_code code;  // of what is missing, which reading it tells
    const fs::file_status status = fs::status(path, code);
    if (fs::is_directory(status)) {
      if (!stem.empty()) {
        throw UsageError(cat("\"out\" is for one image: ", path.string(), " is a folder"));
      }
      return add_folder(path, questions);
    }
    if (fs::exists(status) && !fs::is_regular_file(status)) {
      return add_pipe(path, path, questions, stem);
    }
    inputs_.push_back({path, stem.empty() ? path.stem() : stem, questions, nullptr});
  }

  /// What can be read only once is kept.
  void add_pipe(const fs::path& path, const fs::path& name,
                const std::shared_ptr<const Questions>& questions, const fs::path& stem = {}) {
    auto bytes = std::make_shared<const std::string>(core::read_file(path));
    inputs_.push_back({name, stem.empty() ? name.stem() : stem, questions, std::move(bytes)});
  }

  void add_folder(const fs::path& folder, const std::shared_ptr<const Questions>& questions) {
    const std::size_t before = inputs_.size();
    bool deeper = false;
    walk(folder, folder, questions, deeper);
    if (inputs_.size() > before) return;
    throw core::Error(cat("the folder ", folder.string(), " holds no image (JPEG, PNG, WebP, BMP ",
                          "or TIFF, by its name)",
                          deeper && !request_.recursive ? "; --recursive looks below it" : ""));
  }

  /// Links to folders are not followed: they may lead in a circle.
  void walk(const fs::path& root, const fs::path& folder,
            const std::shared_ptr<const Questions>& questions, bool& deeper) {
    for (const auto& entry : core::list_folder(folder)) {
      if (entry.is_directory()) {
        if (entry.is_symlink()) continue;
        deeper = true;
        if (request_.recursive) walk(root, entry.path(), questions, deeper);
      } else if (is_image(entry.path())) {
        fs::path stem = entry.path().lexically_relative(root).replace_extension();
        inputs_.push_back({entry.path(), std::move(stem), questions, nullptr});
      }
    }
  }

  void add_line(std::string_view line) {
    if (!line.starts_with('{')) return add_named(std::string(line), questions_, {});
    json entry;
    try {
      entry = core::parse_json<json>(line);
    } catch (const core::Error& fault) {
      throw UsageError(fault.what());
    }
    Questions own = *questions_;
    fs::path image;
    fs::path stem;
    for (const auto& [key, value] : entry.items()) {
      if (key == "image") {
        image = text_in(value, key);
      } else if (key == "text") {
        own.texts = {text_in(value, key)};
      } else if (key == "texts") {
        own.texts = texts_in(value, key);
      } else if (key == "cues") {
        own.cues = texts_in(value, key);
      } else if (key == "out") {
        stem = stem_in(value, key);
      } else {
        throw UsageError(cat("unknown key \"", key, "\", wanted image, text, texts, cues and out"));
      }
    }
    if (image.empty()) throw UsageError("it has no \"image\"");
    if (entry.contains("text") && entry.contains("texts")) {
      throw UsageError("it has \"text\" and \"texts\", wanted one of them");
    }
    const bool asks = own.texts != questions_->texts || own.cues != questions_->cues;
    add_named(image, asks ? std::make_shared<Questions>(std::move(own)) : questions_, stem);
  }

  void add_named(const fs::path& image, const std::shared_ptr<const Questions>& questions,
                 const fs::path& stem) {
    if (image == kStdin) throw UsageError("- (stdin) is no image of a list: give --image -");
    add(image, questions, stem);
  }

  static std::string text_in(const json& value, const std::string& key) {
    if (!value.is_string()) throw UsageError(cat("\"", key, "\" is no text"));
    return value.get<std::string>();
  }

  static std::vector<std::string> texts_in(const json& value, const std::string& key) {
    if (!value.is_array()) throw UsageError(cat("\"", key, "\" is no list of texts"));
    std::vector<std::string> texts;
    for (const auto& item : value) texts.push_back(text_in(item, key));
    return texts;
  }

  /// A name below --out, never beside it.
  static fs::path stem_in(const json& value, const std::string& key) {
    const fs::path stem = text_in(value, key);
    const bool inside = stem.is_relative() && stem.has_filename() &&
                        std::find(stem.begin(), stem.end(), "..") == stem.end();
    if (inside) return stem.lexically_normal();
    throw UsageError(cat("\"out\" is \"", stem.string(), "\", wanted a name below --out"));
  }

  void require_different_names() const {
    std::unordered_map<std::string, const PredictionInput*> seen;
    for (const auto& input : inputs_) {
      for (std::size_t k = 0; k < input.questions->texts.size(); ++k) {
        const auto [place, added] = seen.emplace(input.name(k), &input);
        if (added) continue;
        throw UsageError(cat("the results of ", place->second->image.string(), " and ",
                             input.image.string(), " would both be called ", place->first,
                             " and overwrite each other; use two --out, or name one by \"out\" in "
                             "a --list"));
      }
    }
  }

  const PredictionRequest& request_;
  std::shared_ptr<const Questions> questions_;
  std::vector<PredictionInput> inputs_;
};

}  // namespace

std::string PredictionInput::name(std::size_t k) const {
  return questions->texts.size() == 1 ? stem.string() : cat(stem.string(), "_", k);
}

std::vector<PredictionInput> prediction_inputs(const PredictionRequest& request) {
  if (request.list == kStdin &&
      std::count(request.images.begin(), request.images.end(), kStdin) > 0) {
    throw UsageError("--image - and --list - both read stdin: give one of them");
  }
  Gathering all(request);
  for (const auto& path : request.images) all.add(path);
  if (!request.list.empty()) all.add_list(request.list);
  return all.take();
}

}  // namespace pcnet::runtime
