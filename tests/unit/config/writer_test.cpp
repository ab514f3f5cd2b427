#include <limits>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "config_folder.h"
#include "src/config/schema.h"

namespace pcnet::config {
namespace {

using RoundTrip = ConfigFolder;

const std::vector<std::string> kHardTexts = {"",
                                             " ",
                                             "a",
                                             "a b",
                                             "null",
                                             "~",
                                             "true",
                                             "No",
                                             "5",
                                             "1e5",
                                             "- x",
                                             "a: b",
                                             "a #b",
                                             "#",
                                             "'",
                                             "\"",
                                             "\\",
                                             "[x]",
                                             "{x}",
                                             "a\nb",
                                             "tab\there",
                                             "\x01",
                                             "\x7f",
                                             "é 日本 🐈",
                                             "a,b",
                                             "*x",
                                             "&x",
                                             "!x",
                                             "%x",
                                             "@x",
                                             "`x`",
                                             "...",
                                             "---",
                                             "?",
                                             "x:",
                                             "refcoco+",
                                             "C:\\dir",
                                             ".nan",
                                             "/a/b",
                                             "\r\n",
                                             "a\x04"
                                             "b",
                                             "=",
                                             "<<",
                                             "\xc2\x85",
                                             "\xe2\x80\xa8"};

const std::vector<double> kHardNumbers = {0.0,
                                          0.1,
                                          0.1 + 0.2,
                                          1.0 / 3.0,
                                          1e-9,
                                          5e-5,
                                          1e22,
                                          123456789.123456789,
                                          1e300,
                                          std::numeric_limits<double>::denorm_min(),
                                          std::numeric_limits<double>::max()};

TEST_F(RoundTrip, KeepsEveryText) {
  for (const auto& text : kHardTexts) {
    Config config;
    config.data.root = text;
    config.eval.splits = {text, "val", text};
    write("a.yaml", to_yaml(config));
    const auto loaded = load_file("a.yaml").values;
    EXPECT_EQ(loaded.data.root, text);
    EXPECT_EQ(loaded.eval.splits, config.eval.splits);
    EXPECT_EQ(load_json(to_json(config), "x", {}).values.data.root, text);
  }
}

TEST_F(RoundTrip, KeepsEveryBitOfANumber) {
  for (const double number : kHardNumbers) {
    Config config;
    config.train.learning_rate = number;
    write("a.yaml", to_yaml(config));
    EXPECT_EQ(load_file("a.yaml").values.train.learning_rate, number);
    EXPECT_EQ(load_json(to_json(config), "x", {}).values.train.learning_rate, number);
  }
}

// Values of keys that rules tie to others.
const std::map<std::string, std::string> kTied = {{"model.clip.visual.layers", "[3, 4, 6, 2]"},
                                                  {"model.clip.visual.strides", "[2, 2, 2, 1]"},
                                                  {"model.clip.visual.heads", "16"},
                                                  {"model.clip.visual.resolution", "256"},
                                                  {"model.clip.text.width", "520"},
                                                  {"model.clip.text.heads", "4"}};

// A value for the field that is allowed and not the default, as YAML.
std::string another_value(const Field& field) {
  if (const auto tied = kTied.find(field.key); tied != kTied.end()) return tied->second;
  if (const auto* flag = std::get_if<bool*>(&field.slot)) return **flag ? "false" : "true";
  if (!field.words.empty()) {
    const bool first = value_text(field) == quoted_if_needed(std::string(field.words.front()));
    return std::string(first ? field.words.back() : field.words.front());
  }
  if (const auto* whole = std::get_if<std::int64_t*>(&field.slot))
    return std::to_string(**whole + 1);
  if (const auto* real = std::get_if<double*>(&field.slot)) return shortest(**real * 0.75 + 0.125);
  if (std::holds_alternative<std::string*>(field.slot)) return "something";
  if (std::holds_alternative<std::vector<std::string>*>(field.slot)) return "[a, b]";
  return "[2, 1]";
}

TEST_F(RoundTrip, KeepsAndComparesEveryKey) {
  Config defaults;
  for (const auto& field : bind(defaults)) {
    if (field.is_section()) continue;
    defaults.train.eval_every = field.key == "train.patience" ? 5 : 0;           // which it needs
    defaults.eval.sam.weights = field.key == "eval.segmentor" ? "sam.pth" : "";  // likewise
    const auto changed =
        load_defaults({"train.eval_every=" + std::to_string(defaults.train.eval_every),
                       "eval.sam.weights=\"" + defaults.eval.sam.weights + "\"",
                       field.key + "=" + another_value(field)})
            .values;
    write("a.yaml", to_yaml(changed));
    EXPECT_TRUE(difference(load_file("a.yaml").values, changed).empty()) << field.key;
    EXPECT_TRUE(difference(load_json(to_json(changed), "x", {}).values, changed).empty())
        << field.key;
    const auto differences = difference(defaults, changed);
    if (field.key == "model.profile") continue;  // sets others, too
    ASSERT_EQ(differences.size(), 1U) << field.key;
    EXPECT_EQ(differences[0].key, field.key);
    EXPECT_NE(differences[0].left, differences[0].right);
  }
}

TEST(ToYaml, WritesSectionsAndShortestNumbers) {
  const std::string yaml = to_yaml(Config{});
  EXPECT_NE(yaml.find("    visual:\n      layers: [3, 4, 6, 3]\n"), std::string::npos);
  EXPECT_NE(yaml.find("  learning_rate: 5.0e-05\n"), std::string::npos);
  EXPECT_NE(yaml.find("  root: \"\"\n"), std::string::npos);
}

TEST(ToJson, NestsSectionsInDeclarationOrder) {
  const auto json = to_json(Config{});
  EXPECT_EQ(json.begin().key(), "data");
  EXPECT_EQ(json["model"]["clip"]["text"]["width"], 512);
  EXPECT_TRUE(json["eval"]["align_corners"].is_boolean());
  EXPECT_TRUE(json["train"]["clip_norm"].is_number_float());
}

TEST(Difference, ShowsBothValuesAsYaml) {
  Config left;
  Config right;
  right.train.batch_size = 8;
  right.eval.splits = {"val", "testA"};
  const auto differences = difference(left, right);
  ASSERT_EQ(differences.size(), 2U);
  EXPECT_EQ(differences[0].key, "train.batch_size");
  EXPECT_EQ(differences[0].left, "36");
  EXPECT_EQ(differences[0].right, "8");
  EXPECT_EQ(differences[1].right, "[val, testA]");
}

TEST(Documentation, DescribesEveryKeyOnce) {
  std::set<std::string> seen;
  for (const auto& doc : documentation()) {
    EXPECT_TRUE(seen.insert(doc.key).second) << doc.key;
    EXPECT_FALSE(doc.help.empty()) << doc.key;
    EXPECT_FALSE(doc.type.empty()) << doc.key;
    EXPECT_FALSE(doc.default_value.empty()) << doc.key;
  }
  EXPECT_EQ(seen.size(), load_defaults({}).origins.size());
}

TEST(Documentation, GivesSectionsAHelpAsWell) {
  Config config;
  for (const auto& field : bind(config)) EXPECT_FALSE(field.info.help.empty()) << field.key;
}

TEST(Documentation, HasDefaultsThatAreAllowed) {
  for (const auto& doc : documentation()) {
    EXPECT_NO_THROW(load_defaults({doc.key + "=" + doc.default_value})) << doc.key;
  }
}

TEST(Documentation, ShowsTypeRangeAndUnit) {
  std::map<std::string, KeyDoc> docs;
  for (const auto& doc : documentation()) docs[doc.key] = doc;
  EXPECT_EQ(docs.at("data.image_size").type, "integer");
  EXPECT_EQ(docs.at("data.image_size").range, ">= 32");
  EXPECT_EQ(docs.at("data.image_size").unit, "px");
  EXPECT_EQ(docs.at("eval.threshold").range, "0 to 1");
  EXPECT_EQ(docs.at("data.cache").range, "one of memory, none");
  EXPECT_EQ(docs.at("eval.splits").type, "list of texts");
  EXPECT_EQ(docs.at("eval.align_corners").type, "yes/no");
}

}  // namespace
}  // namespace pcnet::config
