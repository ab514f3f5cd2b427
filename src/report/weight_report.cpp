#include "pcnet/report/weight_report.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <sstream>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/report/text_table.h"

namespace pcnet::report {

using core::cat;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::size_t kNamesShown = 10;  // of a list of faults; --json has them all
constexpr std::size_t kLongestValue = 60;

std::string line(const std::string& label, const std::string& value) {
  std::ostringstream out;
  out << std::left << std::setw(14) << label << value << "\n";
  return out.str();
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : core::json_text(value);
}

/// A value on one line; long ones are cut.
std::string shortened(const Json& value) {
  std::string text = text_of(value);
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.size() <= kLongestValue) return text;
  return cat(value.is_array() ? cat(value.size(), " entries")
                              : text.substr(0, kLongestValue) + "…");
}

std::string millions(std::int64_t count) {
  return count < 1'000'000 ? cat(count)
                           : cat(core::fixed(static_cast<double>(count) / 1e6, 2), " million");
}

std::string counted(std::int64_t count, const char* what) {
  return cat(count, " ", what, count == 1 ? "" : "s");
}

std::string groups(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, group] : document.items()) {
    rows.push_back({name, counted(group["tensors"].get<std::int64_t>(), "tensor"),
                    cat(millions(group["elements"].get<std::int64_t>()), " numbers")});
  }
  return text_table(rows, /*indent=*/2);
}

/// Names under a heading, the first few of them.
std::string names(const std::string& heading, const Json& list, bool all = false) {
  if (list.empty()) return {};
  std::string out = cat(heading, " (", list.size(), ")\n");
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!all && i == kNamesShown) return out + cat("  and ", list.size() - i, " more\n");
    out += cat("  ", text_of(list[i]), "\n");
  }
  return out;
}

/// "args.root: pathlib.PosixPath"; what stands at the top of the file has no name.
Json opaque_lines(const Json& opaque) {
  Json lines = Json::array();
  for (const auto& item : opaque) {
    const std::string name = text_of(item["name"]);
    lines.push_back(cat(name, name.empty() ? "" : ": ", text_of(item["type"])));
  }
  return lines;
}

std::string architecture_text(const Json& architecture) {
  const Json& visual = architecture["visual"];
  const Json& text = architecture["text"];
  const std::string name =
      architecture["name"].is_null() ? "CLIP" : architecture["name"].get<std::string>();
  return line(
      "architecture",
      cat(name, ": layers ", text_of(visual["layers"]), ", width ", text_of(visual["width"]), ", ",
          text_of(visual["resolution"]), " px; text ", text_of(text["layers"]), " x ",
          text_of(text["width"]), ", context ", text_of(text["context_length"]), "; output ",
          text_of(text["output_dim"]), "; vocabulary ", text_of(architecture["vocabulary_size"])));
}

std::string fit_text(const Json& fit) {
  if (fit["fits"].get<bool>()) return {};
  std::string out = "does not fit its architecture:\n";
  out += names("missing", fit["missing"]);
  out += names("unexpected", fit["unexpected"]);
  Json mismatched = Json::array();
  for (const auto& item : fit["mismatched"]) {
    mismatched.push_back(cat(text_of(item["name"]), " is ", text_of(item["got"]), ", wanted ",
                             text_of(item["wanted"])));
  }
  return out + names("mismatched", mismatched);
}

std::string loads_text(const Json& loads) {
  std::string out;
  for (const auto& item : loads) {
    std::string value = cat(text_of(item["where"]), ": ", text_of(item["what"]));
    for (const auto& setting : item["set"]) value += cat(" --set ", text_of(setting));
    out += line(out.empty() ? "loads as" : "", value);
  }
  return out;
}

std::string number_text(const Json& row, const char* key) {
  if (!row.contains(key)) return "-";
  if (!row[key].is_number_float()) return text_of(row[key]);
  return cat(std::setprecision(4), row[key].get<double>());
}

std::string tensors_text(const Json& list) {
  const bool statistics = !list.empty() && list[0].contains("non_finite");
  std::vector<std::vector<std::string>> rows = {{"tensor", "dtype", "shape"}};
  constexpr std::array<const char*, 5> kColumns = {"min", "max", "mean", "std", "non_finite"};
  if (statistics) rows[0].insert(rows[0].end(), {"min", "max", "mean", "std", "non-finite"});
  for (const auto& item : list) {
    std::vector<std::string> row = {text_of(item["name"]), text_of(item["dtype"]),
                                    text_of(item["shape"])};
    for (const char* column : kColumns) {
      if (statistics) row.push_back(number_text(item, column));
    }
    rows.push_back(std::move(row));
  }
  return "\n" + text_table(rows);
}

std::string non_finite_text(const Json& list) {
  std::int64_t count = 0;
  std::int64_t tensors = 0;
  for (const auto& row : list) {
    const auto here = row.value("non_finite", std::int64_t{0});
    count += here;
    tensors += here > 0 ? 1 : 0;
  }
  return line(
      "non-finite",
      count == 0 ? "none" : cat(counted(count, "number"), " in ", counted(tensors, "tensor")));
}

std::string side_text(const char* label, const Json& side) {
  std::string what = cat(text_of(side["file"]), ": ", text_of(side["layout"]), ", ",
                         text_of(side["tensors"]), " tensors");
  for (const auto& group : side["left_out"]) what += cat("; left out ", text_of(group));
  return line(label, what);
}

std::string pairs(const std::string& heading, const Json& list, const char* key) {
  Json lines = Json::array();
  for (const auto& item : list) {
    lines.push_back(
        cat(text_of(item["name"]), ": ", text_of(item["a"][key]), ", ", text_of(item["b"][key])));
  }
  return names(heading, lines);
}

}  // namespace

std::string inspection_text(const Json& document) {
  std::string out = line("file", text_of(document["file"]));
  out += line("format", text_of(document["format"]));
  const std::string prefix = text_of(document["prefix"]);
  out += line("layout", cat(text_of(document["layout"]),
                            prefix.empty() ? "" : cat(", every name under ", prefix)));
  out += line("tensors", cat(text_of(document["tensors"]), ", ",
                             core::human_bytes(document["tensor_bytes"].get<std::uint64_t>())));
  out += groups(document["dtypes"]);
  out += line("model", cat(text_of(document["model_tensors"]), " tensors, ",
                           millions(document["parameters"].get<std::int64_t>()), " parameters"));
  out += groups(document["parts"]);
  if (!document["architecture"].is_null()) out += architecture_text(document["architecture"]);
  if (!document["fit"].is_null()) out += fit_text(document["fit"]);
  out += loads_text(document["loads"]);
  if (!document["advice"].is_null()) out += line("note", text_of(document["advice"]));
  for (const auto& group : document["left_out"]) out += line("beside it", text_of(group));
  for (const auto& [key, value] : document["metadata"].items()) {
    out += line("metadata", cat(key, " = ", shortened(value)));
  }
  std::size_t shown = 0;
  for (const auto& [key, value] : document["values"].items()) {
    if (++shown > kNamesShown) break;
    out += line("value", cat(key, " = ", shortened(value)));
  }
  if (shown > kNamesShown) {
    out += line("value", cat("and ", document["values"].size() - kNamesShown, " more"));
  }
  const bool all = document.contains("tensor_list");
  out += names("neither tensor nor plain data, not read", opaque_lines(document["opaque"]), all);
  if (!all) return out;
  const Json& list = document["tensor_list"];
  if (!list.empty() && list[0].contains("non_finite")) out += non_finite_text(list);
  return out + tensors_text(list);
}

std::string conversion_text(const Json& document) {
  const auto left_out = document["left_out"].get<std::size_t>();
  return cat("wrote ", text_of(document["out"]), ": ", text_of(document["tensors"]), " tensors, ",
             core::human_bytes(document["bytes"].get<std::uint64_t>()),
             left_out == 0 ? "" : cat("; left out ", left_out, " tensors"), "\n",
             names("not kept, as neither tensor nor plain data", opaque_lines(document["opaque"])));
}

std::string difference_text(const Json& document) {
  std::string out = side_text("a", document["a"]) + side_text("b", document["b"]);
  out += names("only in a", document["only_in_a"]);
  out += names("only in b", document["only_in_b"]);
  out += pairs("other shapes", document["shapes"], "shape");
  out += pairs("other types", document["dtypes"], "dtype");
  const Json& numbers = document["numbers"];
  if (!numbers.empty()) {
    std::vector<std::vector<std::string>> rows = {{"tensor", "max |a - b|", "relative"}};
    for (const auto& row : numbers) {
      if (rows.size() > 2 * kNamesShown) break;
      rows.push_back({text_of(row["name"]), number_text(row, "max_absolute"),
                      number_text(row, "max_relative")});
    }
    out += text_table(rows);
    if (numbers.size() >= rows.size())
      out += cat("and ", numbers.size() + 1 - rows.size(), " more\n");
  }
  const std::string within = document["tolerance"].get<double>() > 0
                                 ? cat(" beyond ", document["tolerance"].get<double>())
                                 : "";
  return out + cat(document["equal"].get<bool>() ? "equal" : "different", ": ",
                   text_of(document["common"]), " tensors in both, ",
                   text_of(document["beyond_tolerance"]), " differ", within,
                   document["dtypes"].empty()
                       ? ""
                       : cat(", ", document["dtypes"].size(), " of other types"),
                   "\n");
}

}  // namespace pcnet::report
