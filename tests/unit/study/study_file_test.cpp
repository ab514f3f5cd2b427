#include "pcnet/study/study_file.h"

#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::study {
namespace {

class StudyFile : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    core::write_file_plain(folder_ / name, text);
    return folder_ / name;
  }

 private:
  support::TemporaryFolder folder_;
};

std::string fault_of(const std::filesystem::path& file) {
  try {
    (void)read_study(file);
  } catch (const core::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST_F(StudyFile, GivesRowsWhatTheirTableAndStudySay) {
  const auto file = write("study.yaml", R"(
title: whole
config: ../a.yaml
start: {config: b.yaml, set: {train.max_steps: 3}}
seeds: [4, 5]
set: {eval.splits: [val, testA]}
tables:
  - title: first
    metrics: [point_m]
    set: {model.profile: paper}
    baseline: one
    rows:
      - name: one
      - name: two
        set: {model.stages: 2, model.profile: improved}
        stage: 1
        split: testA
        start: none
        paper: {point_m: [57.3, 55]}
      - {name: theirs, published: yes, paper: {point_m: 40}}
  - title: second
    seeds: [6]
    rows:
      - {name: other, config: c.yaml}
)");
  const Study study = read_study(file);
  EXPECT_EQ(study.title, "whole");
  ASSERT_EQ(study.tables.size(), 2U);
  const StudyTable& table = study.tables[0];
  EXPECT_EQ(table.seeds, (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(table.baseline, "one");
  ASSERT_EQ(table.rows.size(), 3U);
  const StudyRow& one = table.rows[0];
  EXPECT_EQ(one.config.file, (file.parent_path() / "../a.yaml").lexically_normal());
  EXPECT_EQ(one.config.set,
            (std::vector<std::string>{"eval.splits=[val, testA]", "model.profile=paper"}));
  ASSERT_TRUE(one.start);
  EXPECT_EQ(one.start->file, file.parent_path() / "b.yaml");
  EXPECT_EQ(one.start->set, std::vector<std::string>{"train.max_steps=3"});
  EXPECT_EQ(one.split, "val");
  EXPECT_EQ(one.stage, -1);
  const StudyRow& two = table.rows[1];
  EXPECT_EQ(two.config.set.back(), "model.profile=improved");  // the last one wins
  EXPECT_FALSE(two.start);
  EXPECT_EQ(two.split, "testA");
  EXPECT_EQ(two.stage, 1);
  EXPECT_EQ(two.paper.at("point_m"), (std::vector<double>{57.3, 55}));
  EXPECT_FALSE(two.published);
  EXPECT_TRUE(table.rows[2].published);
  EXPECT_EQ(table.rows[2].paper.at("point_m"), std::vector<double>{40});
  EXPECT_EQ(study.tables[1].seeds, std::vector<std::int64_t>{6});
  EXPECT_EQ(study.tables[1].metrics, (std::vector<std::string>{"point_m", "miou", "oiou"}));
  EXPECT_EQ(study.tables[1].rows[0].config.file, file.parent_path() / "c.yaml");
}

TEST_F(StudyFile, TellsEveryFaultWithItsLine) {
  const auto file = write("study.yaml", R"(titel: whole
config: a.yaml
seeds: [1, 1]
tables:
  - title: t
    baseline: nobody
    rows:
      - name: one
        paper: {miuo: 3}
        stage: -1
      - name: one
        set: 3
      - {config: [x]}
      - {name: theirs, published: 3, paper: {point_m: [1, x]}}
      - {name: empty, published: yes}
  - 7
)");
  const std::string faults = fault_of(file);
  for (const char* wanted :
       {R"(study.yaml:1: unknown key "titel" in study (did you mean "title"?))",
        "study.yaml:3: seeds: wanted a list of different integers",
        R"(study.yaml:5: baseline: no row is called "nobody")",
        R"(study.yaml:9: paper: "miuo" is none of the table's metrics)",
        "study.yaml:10: stage: got -1, wanted an integer >= 0",
        R"(study.yaml:11: two rows are called "one")", "study.yaml:12: set: got 3, wanted keys",
        "study.yaml:13: config: got a list, wanted a file name", "study.yaml:13: a row has no name",
        "study.yaml:14: published: got 3, wanted yes or no",
        "study.yaml:14: paper: got a list, wanted a number or a list of some",
        "study.yaml:15: published: the row has no paper",
        "study.yaml:16: a table: got 7, wanted title and rows"}) {
    EXPECT_NE(faults.find(wanted), std::string::npos) << wanted << "\nin\n" << faults;
  }
}

TEST_F(StudyFile, RefusesWhatIsNoStudy) {
  EXPECT_NE(fault_of(write("a.yaml", "")).find("got nothing"), std::string::npos);
  EXPECT_NE(fault_of(write("b.yaml", "title: t\n")).find("tables: wanted a list"),
            std::string::npos);
  EXPECT_NE(fault_of(write("c.yaml", "tables: [{title: t, rows: [{name: r}]}]"))
                .find("a row has no config"),
            std::string::npos);
  EXPECT_NE(fault_of(write("d.yaml", "tables: [\n")).find("broken YAML"), std::string::npos);
  EXPECT_NE(fault_of("no/such.yaml").find("no/such.yaml"), std::string::npos);
}

}  // namespace
}  // namespace pcnet::study
