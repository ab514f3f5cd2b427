#include "pcnet/data/annotations/captions.h"

#include "pcnet/core/files.h"

#include "json_lines.h"

namespace pcnet::data {

Captions read_captions(const std::filesystem::path& path) {
  Captions captions;
  for_each_line(core::read_file(path), path.string(),
                [&](std::string_view line, std::size_t, std::size_t) {
                  const auto entry = core::parse_json<nlohmann::json>(line);
                  const std::int64_t image_id = whole_number(member(entry, "image_id"), "image_id");
                  auto texts = list_of_texts(member(entry, "captions"), "caption");
                  if (!captions.emplace(image_id, std::move(texts)).second) {
                    throw core::Error(core::cat("duplicate image_id ", image_id));
                  }
                });
  return captions;
}

}  // namespace pcnet::data
