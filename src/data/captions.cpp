#include "pcnet/data/captions.h"

#include "pcnet/core/files.h"

#include "json_lines.h"

namespace pcnet::data {

Captions read_captions(const std::filesystem::path& path) {
  Captions captions;
  for_each_line(
      core::read_file(path), path.string(), [&](std::string_view line, std::size_t, std::size_t) {
        const auto entry = nlohmann::json::parse(line);
        const std::int64_t image_id = whole_number(entry.at("image_id"), "image_id");
        if (!captions.emplace(image_id, entry.at("captions").get<std::vector<std::string>>())
                 .second) {
          throw core::Error(core::cat("duplicate image_id ", image_id));
        }
      });
  return captions;
}

}  // namespace pcnet::data
