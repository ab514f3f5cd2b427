#include <algorithm>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/weights/state_dict.h"

namespace pcnet::weights {

using core::cat;

namespace {

struct Fault {
  std::string name;
  std::string what;
  std::string got;
  std::string wanted;
};

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return cat(at::IntArrayRef(shape));
}

/// Every fault, sorted by name.
std::vector<Fault> faults_of(const Fit& fit) {
  std::vector<Fault> faults;
  for (const auto& name : fit.missing) faults.push_back({name, "missing", "-", "-"});
  for (const auto& name : fit.unexpected) faults.push_back({name, "unexpected", "-", "-"});
  for (const auto& [name, got, wanted] : fit.mismatched) {
    faults.push_back({name, "mismatched", shape_text(got), shape_text(wanted)});
  }
  std::sort(faults.begin(), faults.end(),
            [](const Fault& a, const Fault& b) { return a.name < b.name; });
  return faults;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

}  // namespace

Fit compare(const std::map<std::string, at::Tensor>& wanted,
            const std::map<std::string, at::Tensor>& given) {
  Fit fit;
  for (const auto& [name, tensor] : wanted) {
    const auto found = given.find(name);
    if (found == given.end()) {
      if (!name.ends_with(".num_batches_tracked")) fit.missing.push_back(name);
    } else if (found->second.sizes() != tensor.sizes()) {
      fit.mismatched.push_back({name, found->second.sizes().vec(), tensor.sizes().vec()});
    } else {
      fit.fitting.push_back(name);
    }
  }
  for (const auto& [name, tensor] : given) {
    if (!wanted.contains(name)) fit.unexpected.push_back(name);
  }
  return fit;
}

std::string to_line(const Fit& fit, std::size_t most_faults) {
  // The kinds take turns, so that a few hundred missing names do not hide a wrong shape.
  std::vector<std::string> parts;
  const std::size_t longest =
      std::max({fit.missing.size(), fit.unexpected.size(), fit.mismatched.size()});
  for (std::size_t i = 0; i < std::min(longest, most_faults); ++i) {
    if (i < fit.missing.size()) parts.push_back("missing " + fit.missing[i]);
    if (i < fit.unexpected.size()) parts.push_back("unexpected " + fit.unexpected[i]);
    if (i < fit.mismatched.size()) {
      const auto& [name, got, wanted] = fit.mismatched[i];
      parts.push_back(cat(name, " is ", shape_text(got), ", wanted ", shape_text(wanted)));
    }
  }
  const std::size_t count = fit.missing.size() + fit.unexpected.size() + fit.mismatched.size();
  if (parts.size() > most_faults) parts.resize(most_faults);
  if (count > parts.size()) parts.push_back(cat("and ", count - parts.size(), " more"));
  return core::join(parts, "; ");
}

std::string to_table(const Fit& fit, std::size_t most_rows) {
  auto faults = faults_of(fit);
  if (faults.empty()) return {};
  const std::size_t count = faults.size();
  if (most_rows > 0 && count > most_rows) faults.resize(most_rows);
  const std::size_t left = count - faults.size();
  faults.insert(faults.begin(), {"name", "fault", "shape got", "shape wanted"});
  std::size_t name_width = 0;
  std::size_t got_width = 0;
  for (const auto& fault : faults) {
    name_width = std::max(name_width, fault.name.size());
    got_width = std::max(got_width, fault.got.size());
  }
  std::string table;
  for (const auto& fault : faults) {
    table += cat(padded(fault.name, name_width), "  ", padded(fault.what, 10), "  ",
                 padded(fault.got, got_width), "  ", fault.wanted, "\n");
  }
  if (left > 0) table += cat("and ", left, " more\n");
  return table;
}

void load_tensors(const std::map<std::string, at::Tensor>& into,
                  const std::map<std::string, at::Tensor>& given, const std::string& source,
                  const std::string& model, std::size_t most_faults) {
  const Fit fit = compare(into, given);
  if (!fit.fits()) {
    core::log::debug(to_table(fit));
    throw core::Error(core::cat(source, " does not fit ", model, ": ", to_line(fit, most_faults)));
  }
  for (const auto& name : fit.fitting) copy_weights(given.at(name), into.at(name));
}

}  // namespace pcnet::weights
