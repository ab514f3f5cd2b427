#include "pcnet/study/study_file.h"

#include <algorithm>
#include <set>

#include <yaml-cpp/yaml.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "config/layers.h"
#include "config/schema.h"
#include "config/value.h"

namespace pcnet::study {

namespace fs = std::filesystem;
using config::describe;
using config::double_quoted;
using config::file_layer;
using config::Layer;
using core::cat;

namespace {

/// What the study says for all its tables, a table for all its rows, and a row for itself.
struct Inherited {
  StudyConfig config;
  std::optional<StudyConfig> start;
  std::string split = "val";
  std::vector<std::int64_t> seeds = {0};
  std::vector<std::string> metrics = {"point_m", "miou", "oiou"};
  std::string baseline;
  std::string note;
};

std::string on_one_line(const YAML::Node& value) {
  YAML::Emitter emitter;
  emitter << YAML::Flow << value;
  return emitter.c_str();
}

/// Takes a study file apart and collects every fault.
class StudyReader {
 public:
  explicit StudyReader(Layer layer) : layer_(std::move(layer)) {
    folder_ = fs::path(layer_.name).parent_path();
  }

  Study read() {
    Study study;
    const YAML::Node& root = layer_.root;
    if (!is_map(root, "study", "keys such as title, config and tables")) return study;
    check_keys(root, "study", {"title", "tables"}, /*inheritable=*/true);
    study.title = text(root, "title", fs::path(layer_.name).stem().string());
    const Inherited whole = inherited(root, {});
    const YAML::Node tables = root["tables"];
    if (!tables || !tables.IsSequence() || tables.size() == 0) {
      fault(root, "tables: wanted a list of one table or more");
      return study;
    }
    for (const auto& node : tables) study.tables.push_back(table(node, whole));
    return study;
  }

  std::vector<std::string> faults;

 private:
  StudyTable table(const YAML::Node& node, const Inherited& whole) {
    StudyTable table;
    if (!is_map(node, "a table", "title and rows")) return table;
    check_keys(node, "a table", {"title", "rows"}, /*inheritable=*/true);
    table.title = text(node, "title", "");
    if (table.title.empty()) fault(node, "a table has no title");
    const Inherited own = inherited(node, whole);
    table.note = own.note;
    table.seeds = own.seeds;
    table.metrics = own.metrics;
    table.baseline = own.baseline;
    const YAML::Node rows = node["rows"];
    if (!rows || !rows.IsSequence() || rows.size() == 0) {
      fault(node, "rows: wanted a list of one row or more");
      return table;
    }
    for (const auto& item : rows) add_row(item, own, table);
    const auto is_baseline = [&](const StudyRow& row) { return row.name == table.baseline; };
    if (!table.baseline.empty() && std::none_of(table.rows.begin(), table.rows.end(), is_baseline))
      fault(node, cat("baseline: no row is called ", double_quoted(table.baseline)));
    return table;
  }

  void add_row(const YAML::Node& node, const Inherited& whole, StudyTable& table) {
    if (!is_map(node, "a row", "name, set and paper")) return;
    check_keys(node, "a row",
               {"name", "config", "start", "set", "split", "stage", "published", "paper"},
               /*inheritable=*/false);
    const Inherited own = inherited(node, whole);
    StudyRow row;
    row.name = text(node, "name", "");
    row.config = own.config;
    row.start = own.start;
    row.split = own.split;
    row.stage = stage(node);
    row.paper = paper(node, table.metrics);
    row.published = published(node);
    if (row.name.empty()) fault(node, "a row has no name");
    if (row.published && row.paper.empty()) fault(node, "published: the row has no paper");
    if (!row.published && row.config.file.empty())
      fault(node, "a row has no config, neither has its table");
    for (const auto& other : table.rows) {
      if (other.name == row.name) fault(node, cat("two rows are called ", double_quoted(row.name)));
    }
    table.rows.push_back(std::move(row));
  }

  Inherited inherited(const YAML::Node& node, Inherited above) {
    if (const auto config = node["config"]) above.config.file = named_file(config, "config");
    append_set(node, above.config.set);
    if (const auto start = node["start"]) above.start = start_of(start);
    above.split = text(node, "split", above.split);
    above.baseline = text(node, "baseline", above.baseline);
    above.note = text(node, "note", above.note);
    if (node["metrics"]) above.metrics = list<std::string>(node["metrics"], "metrics", "names");
    if (node["seeds"]) above.seeds = list<std::int64_t>(node["seeds"], "seeds", "integers");
    return above;
  }

  std::optional<StudyConfig> start_of(const YAML::Node& node) {
    if (node.IsScalar() && node.Scalar() == "none") return std::nullopt;
    StudyConfig start;
    if (node.IsScalar()) {
      start.file = named_file(node, "start");
    } else if (is_map(node, "start", "a file name, none, or config and set")) {
      check_keys(node, "start", {"config", "set"}, /*inheritable=*/false);
      if (node["config"]) start.file = named_file(node["config"], "start.config");
      append_set(node, start.set);
      if (start.file.empty()) fault(node, "start has no config");
    }
    return start;
  }

  void append_set(const YAML::Node& node, std::vector<std::string>& set) {
    const YAML::Node values = node["set"];
    if (!values) return;
    if (!is_map(values, "set", "keys of a configuration with their values")) return;
    for (const auto& pair : values) {
      set.push_back(cat(pair.first.Scalar(), "=", on_one_line(pair.second)));
    }
  }

  std::int64_t stage(const YAML::Node& node) {
    const YAML::Node value = node["stage"];
    std::int64_t stage = -1;
    if (!value) return stage;
    if (!value.IsScalar() || !YAML::convert<std::int64_t>::decode(value, stage) || stage < 0) {
      fault(value, cat("stage: got ", describe(value), ", wanted an integer >= 0"));
    }
    return stage;
  }

  bool published(const YAML::Node& node) {
    const YAML::Node value = node["published"];
    bool yes = false;
    if (value && (!value.IsScalar() || !YAML::convert<bool>::decode(value, yes))) {
      fault(value, cat("published: got ", describe(value), ", wanted yes or no"));
    }
    return yes;
  }

  Published paper(const YAML::Node& node, const std::vector<std::string>& metrics) {
    Published figures;
    const YAML::Node values = node["paper"];
    if (!values || !is_map(values, "paper", "metrics with their figures")) return figures;
    for (const auto& pair : values) {
      const std::string metric = pair.first.Scalar();
      std::vector<double> found;
      if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) {
        fault(pair.first, cat("paper: ", double_quoted(metric), " is none of the table's metrics"));
      } else if (!numbers(pair.second, found)) {
        fault(pair.second,
              cat("paper: got ", describe(pair.second), ", wanted a number or a list of some"));
      } else {
        figures[metric] = std::move(found);
      }
    }
    return figures;
  }

  /// A number, or a list of one or more.
  static bool numbers(const YAML::Node& node, std::vector<double>& values) {
    if (node.IsSequence() && node.size() > 0) {
      return std::all_of(node.begin(), node.end(), [&](const YAML::Node& item) {
        return item.IsScalar() && numbers(item, values);
      });
    }
    values.emplace_back();
    return node.IsScalar() && YAML::convert<double>::decode(node, values.back());
  }

  fs::path named_file(const YAML::Node& node, const char* key) {
    if (!node.IsScalar() || node.Scalar().empty()) {
      fault(node, cat(key, ": got ", describe(node), ", wanted a file name"));
      return {};
    }
    return (folder_ / node.Scalar()).lexically_normal();
  }

  std::string text(const YAML::Node& node, const char* key, const std::string& otherwise) {
    const YAML::Node value = node[key];
    if (!value) return otherwise;
    if (value.IsScalar()) return value.Scalar();
    fault(value, cat(key, ": got ", describe(value), ", wanted text"));
    return otherwise;
  }

  template <class Item>
  std::vector<Item> list(const YAML::Node& node, const char* key, const char* items) {
    std::vector<Item> values;
    bool good = node.IsSequence() && node.size() > 0;
    for (std::size_t i = 0; good && i < node.size(); ++i) {
      Item value{};
      good = node[i].IsScalar() && YAML::convert<Item>::decode(node[i], value) &&
             std::find(values.begin(), values.end(), value) == values.end();
      values.push_back(std::move(value));
    }
    if (!good) fault(node, cat(key, ": wanted a list of different ", items, ", one or more"));
    return values;
  }

  void check_keys(const YAML::Node& node, const char* what, std::vector<std::string> known,
                  bool inheritable) {
    if (inheritable) {
      known.insert(known.end(),
                   {"config", "set", "start", "split", "seeds", "metrics", "baseline", "note"});
    }
    std::set<std::string> seen;
    for (const auto& pair : node) {
      const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "";
      if (!seen.insert(key).second) fault(pair.first, cat("duplicate key ", double_quoted(key)));
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string near = core::nearest(key, known);
      fault(pair.first, cat("unknown key ", double_quoted(key), " in ", what,
                            near.empty() ? cat(", wanted one of ", core::join(known, ", "))
                                         : cat(" (did you mean ", double_quoted(near), "?)")));
    }
  }

  bool is_map(const YAML::Node& node, const char* what, const char* wanted) {
    if (node.IsMap()) return true;
    fault(node, cat(what, ": got ", describe(node), ", wanted ", wanted));
    return false;
  }

  void fault(const YAML::Node& node, const std::string& message) {
    faults.push_back(cat(layer_.where(node), ": ", message));
  }

  Layer layer_;
  fs::path folder_;
};

}  // namespace

Study read_study(const fs::path& file) {
  std::vector<std::string> faults;
  const std::optional<Layer> layer = file_layer(file, faults);
  Study study;
  if (layer) {
    StudyReader reader(*layer);
    study = reader.read();
    faults = std::move(reader.faults);
  }
  if (!faults.empty()) throw core::ConfigError(core::join(faults, "\n"));
  return study;
}

}  // namespace pcnet::study
