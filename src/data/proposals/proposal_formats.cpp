#include "pcnet/data/proposals/proposal_formats.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_set>
#include <utility>

#include <torch/types.h>

#include "pcnet/core/json.h"
#include "pcnet/core/json_scan.h"

#include "data/annotations/json_lines.h"
#include "data/annotations/json_masks.h"

namespace pcnet::data {

using core::cat;
using core::Error;
using nlohmann::json;

namespace {

double score_of(const json& entry, const char* key) {
  const json& value = member(entry, key);
  if (!value.is_number()) {
    throw Error(cat(key, " is ", shown(value), ", wanted a number"));
  }
  return value.get<double>();
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (std::size_t at = 0;;) {
    const std::size_t end = std::min(line.find(',', at), line.size());
    std::string_view cell = line.substr(at, end - at);
    const std::size_t first = std::min(cell.find_first_not_of(' '), cell.size());
    cell.remove_prefix(first);
    while (cell.ends_with(' ')) cell.remove_suffix(1);
    cells.push_back(cell);
    if (end == line.size()) return cells;
    at = end + 1;
  }
}

template <class Number>
Number number_of(std::string_view cell, std::string_view column) {
  Number number{};
  const auto [stop, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
  bool good = error == std::errc() && stop == cell.data() + cell.size();
  if constexpr (std::is_floating_point_v<Number>) good = good && std::isfinite(number);
  if (!good) {
    throw Error(cat(column, " is ", core::json_text(json(cell.substr(0, 40)), {.ascii = true}),
                    ", wanted a number"));
  }
  return number;
}

std::size_t column_of(const std::vector<std::string_view>& header, std::string_view name) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) throw Error(cat("no column ", name));
  return static_cast<std::size_t>(found - header.begin());
}

/// The column's run lengths; `ones` is [width, height], so that memory runs down the columns.
image::Rle encode_columns(const at::Tensor& ones) {
  image::Rle rle{ones.size(1), ones.size(0), {}};
  const auto* data = ones.const_data_ptr<std::uint8_t>();
  std::uint8_t value = 0;
  std::int64_t start = 0;
  for (std::int64_t i = 0; i < ones.numel(); ++i) {
    if (data[i] == value) continue;
    rle.counts.push_back(static_cast<std::uint32_t>(i - start));
    start = i;
    value = data[i];
  }
  rle.counts.push_back(static_cast<std::uint32_t>(ones.numel() - start));
  return rle;
}

void read_picture(const json& entry, FreesoloDocument& into) {
  const std::int64_t id = whole_number(member(entry, "id"), "id");
  const auto name = entry.find("file_name");
  if (name == entry.end()) return;
  if (!name->is_string()) throw Error(cat("file_name is ", shown(*name), ", wanted a text"));
  into.file_names[id] = name->get<std::string>();
}

void read_annotation(const json& entry, FreesoloDocument& into) {
  const std::int64_t image_id = whole_number(member(entry, "image_id"), "image_id");
  try {
    ScoredProposal proposal{.mask = read_rle(member(entry, "segmentation"))};
    if (entry.contains("score")) proposal.score = score_of(entry, "score");
    into.proposals[image_id].push_back(std::move(proposal));
  } catch (const std::exception& error) {
    throw Error(cat("image_id ", image_id, ": ", error.what()));
  }
}

void read_list(const std::string& name, const std::vector<std::string_view>& entries,
               void (*read)(const json&, FreesoloDocument&), FreesoloDocument& into) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    try {
      read(core::parse_json<json>(entries[i]), into);
    } catch (const std::exception& error) {
      throw Error(cat(name, "[", i, "]: ", error.what()));
    }
  }
}

/// Reads the two lists of FreeSOLO's document, or COCO's one.
FreesoloDocument read_freesolo(std::string_view text) {
  FreesoloDocument document;
  core::JsonScanner scanner(text);
  bool has_annotations = scanner.peek() == '[';
  if (has_annotations) {
    read_list("results", scanner.elements(), read_annotation, document);
  } else {
    scanner.members([&](const std::string& key) {
      const bool list = scanner.peek() == '[';
      if (list && key == "annotations") {
        has_annotations = true;
        read_list(key, scanner.elements(), read_annotation, document);
      } else if (list && key == "images") {
        read_list(key, scanner.elements(), read_picture, document);
      } else if (!core::is_json(scanner.value())) {
        scanner.broken("the value before it is no JSON");
      }
      return true;
    });
  }
  scanner.require_end();
  if (!has_annotations) {
    throw Error("no list \"annotations\", wanted FreeSOLO's document or a list of COCO results");
  }
  return document;
}

}  // namespace

std::vector<ScoredProposal> parse_sam_json(std::string_view text, std::string_view name) {
  std::vector<ScoredProposal> proposals;
  try {
    const json document = core::parse_json<json>(text);
    if (!document.is_array()) {
      throw Error(cat("it is ", shown(document), ", wanted SAM's list of masks"));
    }
    for (const auto& entry : document) {
      try {
        proposals.push_back({read_rle(member(entry, "segmentation")),
                             score_of(entry, "predicted_iou"), score_of(entry, "stability_score")});
      } catch (const std::exception& error) {
        throw Error(cat("mask ", proposals.size(), ": ", error.what()));
      }
    }
  } catch (const std::exception& error) {
    throw Error(cat(name, ": ", error.what()));
  }
  return proposals;
}

std::vector<SamMetadata> parse_sam_metadata(std::string_view text, std::string_view name) {
  std::vector<SamMetadata> rows;
  std::unordered_set<std::int64_t> ids;
  std::vector<std::string_view> header;
  std::size_t id = 0;
  std::size_t predicted_iou = 0;
  std::size_t stability = 0;
  for_each_line(text, name, [&](std::string_view line, std::size_t, std::size_t) {
    const auto cells = cells_of(line);
    if (header.empty()) {
      id = column_of(cells, "id");
      predicted_iou = column_of(cells, "predicted_iou");
      stability = column_of(cells, "stability_score");
      header = cells;
      return;
    }
    if (cells.size() != header.size()) {
      throw Error(cat("it has ", cells.size(), " columns, its header ", header.size()));
    }
    const SamMetadata row{number_of<std::int64_t>(cells[id], "id"),
                          number_of<double>(cells[predicted_iou], "predicted_iou"),
                          number_of<double>(cells[stability], "stability_score")};
    if (!ids.insert(row.id).second) throw Error(cat("duplicate id ", row.id));
    rows.push_back(row);
  });
  if (header.empty())
    throw Error(cat(name,
                    ": it is empty, wanted a header with id, predicted_iou, "
                    "stability_score"));
  return rows;
}

FreesoloDocument parse_freesolo(std::string_view text, std::string_view name) {
  try {
    return read_freesolo(text);
  } catch (const std::exception& error) {
    throw Error(cat(name, ": ", error.what()));
  }
}

std::vector<image::Rle> masks_of_array(const at::Tensor& array, std::string_view name) {
  if (array.dim() != 3 || array.size(1) < 1 || array.size(2) < 1) {
    throw Error(cat(name, ": its array is ", array.sizes(), ", wanted [proposals, height, width]"));
  }
  const bool is_float = at::isFloatingType(array.scalar_type());
  if (!is_float && array.scalar_type() != at::kBool && array.scalar_type() != at::kByte) {
    throw Error(
        cat(name, ": its array is of ", array.scalar_type(), ", wanted bool, uint8 or float"));
  }
  std::vector<image::Rle> masks;
  for (std::int64_t i = 0; i < array.size(0); ++i) {
    const at::Tensor plane = array[i].transpose(0, 1).contiguous();
    const at::Tensor ones = (is_float ? plane.gt(0.5) : plane.ne(0)).to(at::kByte);
    image::Rle rle = encode_columns(ones);
    if (rle.counts.size() > 1) masks.push_back(std::move(rle));
  }
  return masks;
}

}  // namespace pcnet::data
