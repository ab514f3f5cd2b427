#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/report/text_table.h"
#include "pcnet/weight_tools/weight_report.h"

namespace pcnet::weight_tools {

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

/// "[2, 3]", as JSON writes it.
template <class List>
std::string list_text(const List& list) {
  return core::json_text(Json(list));
}

/// A value on one line; long ones are cut.
std::string shortened(const Json& value) {
  std::string text = value.is_string() ? value.get<std::string>() : core::json_text(value);
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

std::string groups(const std::vector<Inspection::Count>& counts) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& count : counts) {
    rows.push_back(
        {count.name, counted(count.tensors, "tensor"), cat(millions(count.elements), " numbers")});
  }
  return report::text_table(rows, /*indent=*/2);
}

/// Names under a heading, the first few of them.
std::string names(const std::string& heading, const std::vector<std::string>& list,
                  bool all = false) {
  if (list.empty()) return {};
  std::string out = cat(heading, " (", list.size(), ")\n");
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!all && i == kNamesShown) return out + cat("  and ", list.size() - i, " more\n");
    out += cat("  ", list[i], "\n");
  }
  return out;
}

using Opaque = std::vector<std::pair<std::string, std::string>>;

/// "args.root: pathlib.PosixPath"; what stands at the top of the file has no name.
std::vector<std::string> opaque_lines(const Opaque& opaque) {
  std::vector<std::string> lines;
  for (const auto& [name, type] : opaque)
    lines.push_back(cat(name, name.empty() ? "" : ": ", type));
  return lines;
}

std::string architecture_text(const clip::Architecture& architecture) {
  const auto& visual = architecture.options.visual;
  const auto& text = architecture.options.text;
  return line("architecture",
              cat(architecture.name.empty() ? "CLIP" : architecture.name, ": layers ",
                  list_text(visual.layers), ", width ", visual.width, ", ", visual.resolution,
                  " px; text ", text.layers, " x ", text.width, ", context ", text.context_length,
                  "; output ", text.output_dim, "; vocabulary ", architecture.vocabulary_size));
}

std::string sam_text(const sam::SamOptions& options) {
  const std::string side = cat("; ", options.side, " px");
  if (options.tiny) {
    const auto& tiny = options.tiny_vit;
    return line("architecture", cat(options.name, ": layers ", list_text(tiny.blocks), ", widths ",
                                    list_text(tiny.widths), side));
  }
  const auto& vit = options.vit;
  return line("architecture",
              cat(options.name.empty() ? "SAM" : options.name, ": ", vit.blocks,
                  " blocks of width ", vit.width, ", ", vit.heads,
                  " heads, all cells seen in blocks ", list_text(vit.global_blocks), side));
}

std::string fit_text(const weights::Fit& fit) {
  if (fit.fits()) return {};
  std::vector<std::string> mismatched;
  for (const auto& [name, got, wanted] : fit.mismatched) {
    mismatched.push_back(cat(name, " is ", list_text(got), ", wanted ", list_text(wanted)));
  }
  return cat("does not fit its architecture:\n", names("missing", fit.missing),
             names("unexpected", fit.unexpected), names("mismatched", mismatched));
}

std::string loads_text(const std::vector<Inspection::Place>& loads) {
  std::string out;
  for (const auto& [where, what, settings] : loads) {
    std::string value = cat(where, ": ", what);
    for (const auto& setting : settings) value += cat(" --set ", setting);
    out += line(out.empty() ? "loads as" : "", value);
  }
  return out;
}

std::string four_digits(double value) {
  return std::isinf(value) ? "infinite" : cat(std::setprecision(4), value);
}

std::string tensors_text(const std::vector<Inspection::TensorRow>& list) {
  std::vector<std::vector<std::string>> rows = {{"tensor", "dtype", "shape"}};
  const bool statistics = !list.empty() && list[0].statistics;
  if (statistics) rows[0].insert(rows[0].end(), {"min", "max", "mean", "std", "non-finite"});
  for (const auto& [name, dtype, shape, found] : list) {
    rows.push_back({name, dtype, list_text(shape)});
    if (!found) continue;
    std::vector<std::string> numbers(4, "-");
    if (const auto& finite = found->finite) {
      numbers = {four_digits(finite->min), four_digits(finite->max), four_digits(finite->mean),
                 four_digits(finite->deviation)};
    }
    rows.back().insert(rows.back().end(), numbers.begin(), numbers.end());
    rows.back().push_back(cat(found->non_finite));
  }
  return "\n" + report::text_table(rows);
}

std::string non_finite_text(const std::vector<Inspection::TensorRow>& list) {
  std::int64_t count = 0;
  std::int64_t tensors = 0;
  for (const auto& row : list) {
    const std::int64_t here = row.statistics->non_finite;
    count += here;
    tensors += here > 0 ? 1 : 0;
  }
  return line(
      "non-finite",
      count == 0 ? "none" : cat(counted(count, "number"), " in ", counted(tensors, "tensor")));
}

std::string side_text(const char* label, const Difference::Side& side) {
  std::string what = cat(side.file, ": ", side.layout, ", ", side.tensors, " tensors");
  for (const auto& group : side.left_out) what += cat("; left out ", group);
  return line(label, what);
}

}  // namespace

std::string to_text(const Inspection& found) {
  std::string out = line("file", found.file) + line("format", found.format);
  out += line("layout", cat(found.layout,
                            found.prefix.empty() ? "" : cat(", every name under ", found.prefix)));
  out += line("tensors", cat(found.tensors, ", ", core::human_bytes(found.tensor_bytes)));
  out += groups(found.dtypes);
  out += line("model",
              cat(found.model_tensors, " tensors, ", millions(found.parameters), " parameters"));
  out += groups(found.parts);
  if (found.architecture) out += architecture_text(*found.architecture);
  if (found.sam) out += sam_text(*found.sam);
  if (found.fit) out += fit_text(*found.fit);
  out += loads_text(found.loads);
  if (!found.advice.empty()) out += line("note", found.advice);
  for (const auto& group : found.left_out) out += line("beside it", group);
  const Json metadata = metadata_json(found.metadata);
  for (const auto& [key, value] : metadata.items()) {
    out += line("metadata", cat(key, " = ", shortened(value)));
  }
  for (std::size_t i = 0; i < std::min(found.values.size(), kNamesShown); ++i) {
    const auto& [key, value] = found.values[i];
    out += line("value", cat(key, " = ", shortened(value)));
  }
  if (found.values.size() > kNamesShown) {
    out += line("value", cat("and ", found.values.size() - kNamesShown, " more"));
  }
  out += names("neither tensor nor plain data, not read", opaque_lines(found.opaque),
               found.tensor_list.has_value());
  if (!found.tensor_list) return out;
  const auto& list = *found.tensor_list;
  if (!list.empty() && list[0].statistics) out += non_finite_text(list);
  return out + tensors_text(list);
}

std::string to_text(const Conversion& done) {
  return cat("wrote ", done.out, ": ", done.tensors, " tensors, ", core::human_bytes(done.bytes),
             done.left_out == 0 ? "" : cat("; left out ", done.left_out, " tensors"), "\n",
             names("not kept, as neither tensor nor plain data", opaque_lines(done.opaque)));
}

std::string to_text(const Difference& found) {
  const auto lines = [](const std::vector<Difference::KindRow>& rows, const auto& say) {
    std::vector<std::string> out;
    for (const auto& [name, a, b] : rows) out.push_back(cat(name, ": ", say(a), ", ", say(b)));
    return out;
  };
  const auto shape = [](const Difference::Kind& of) { return list_text(of.shape); };
  const auto dtype = [](const Difference::Kind& of) { return of.dtype; };
  std::string out = side_text("a", found.a) + side_text("b", found.b);
  out += names("only in a", found.only_in_a) + names("only in b", found.only_in_b);
  out += names("other shapes", lines(found.shapes, shape));
  out += names("other types", lines(found.dtypes, dtype));
  const std::size_t shown = std::min(found.numbers.size(), 2 * kNamesShown);
  if (shown > 0) {
    std::vector<std::vector<std::string>> rows = {{"tensor", "max |a - b|", "relative"}};
    for (std::size_t i = 0; i < shown; ++i) {
      const auto& [name, absolute, relative] = found.numbers[i];
      rows.push_back({name, four_digits(absolute), four_digits(relative)});
    }
    out += report::text_table(rows);
    if (found.numbers.size() > shown) out += cat("and ", found.numbers.size() - shown, " more\n");
  }
  const std::string within = found.tolerance > 0 ? cat(" beyond ", found.tolerance) : "";
  return cat(out, found.equal ? "equal" : "different", ": ", found.common, " tensors in both, ",
             found.beyond_tolerance, " differ", within,
             found.dtypes.empty() ? "" : cat(", ", found.dtypes.size(), " of other types"), "\n");
}

}  // namespace pcnet::weight_tools
