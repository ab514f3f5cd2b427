#include "pcnet/data/cues/cue_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/data/annotations/captions.h"

#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class CueStoreTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    core::write_file_plain(folder_ / name, text);
    return folder_ / name;
  }
  void expect_fault(const std::string& text, const std::string& line,
                    const std::string& what) const {
    EXPECT_THAT([&] { parse_cue_lines(text, "c.jsonl"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("c.jsonl:" + line), HasSubstr(what))))
        << text;
  }
  void expect_bad_document(const std::string& text, const std::string& what) const {
    EXPECT_THAT([&] { parse_cue_document(text, "7.json"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("7.json: "), HasSubstr(what))))
        << text;
  }

  support::TemporaryFolder folder_;
};

constexpr const char* kFive = "[\"a\", \"b\", \"c\", \"d\", \"e\"]";

TEST_F(CueStoreTest, ReadsLinesByTheirSentence) {
  const auto path = write("cues.jsonl",
                          "{\"sent_id\": 3, \"cues\": [\"a cup\", \"left\"], \"more\": 1}\r\n\n"
                          "{\"cues\":[],\"sent_id\":4}");
  const CueStore cues(path);
  ASSERT_NE(cues.find(3), nullptr);
  EXPECT_THAT(*cues.find(3), ElementsAre("a cup", "left"));
  EXPECT_EQ(cues.find(4), nullptr);  // an empty list is no cue
  EXPECT_EQ(cues.find(5), nullptr);
  EXPECT_EQ(cues.size(), 1U);
  EXPECT_EQ(cues.source(), path);
}

TEST_F(CueStoreTest, KeepsTheSentencesThatItsLinesName) {
  const CueStore cues(
      write("c.jsonl", cue_line(3, {"cup"}, "the cup") + "\n" + cue_line(4, {"plate"}) + "\n"));
  EXPECT_EQ(cues.texts(), (TextsBySentence{{3, "the cup"}}));
  expect_fault("{\"sent_id\": 1, \"cues\": [\"a\"], \"sentence\": 5}", "1:", "wanted a text");
}

TEST_F(CueStoreTest, NamesTheLineOfAFault) {
  const std::string good = "{\"sent_id\": 1, \"cues\": [\"a\"]}\n";
  expect_fault(good + "{\"sent_id\": 2, ", "2:", "broken JSON");
  expect_fault(good + good, "2:", "duplicate sent_id 1");
  expect_fault(good + "\n{\"cues\": []}\n", "3:", "sent_id");
  expect_fault("{\"sent_id\": 1}\n", "1:", "cues");
  expect_fault("{\"sent_id\": \"1\", \"cues\": []}\n", "1:", "sent_id is \"1\"");
  expect_fault("{\"sent_id\": 1.5, \"cues\": []}\n", "1:", "sent_id is 1.5");
  expect_fault("{\"sent_id\": 18446744073709551615, \"cues\": []}\n",
               "1:", "wanted a whole number");
  expect_fault("{\"sent_id\": 1, \"cues\": \"a\"}\n", "1:", "wanted a list");
  expect_fault("{\"sent_id\": 1, \"cues\": [1]}\n", "1:", "a cue is 1");
  expect_fault("7\n", "1:", "wanted an object");
}

TEST_F(CueStoreTest, SaysWhatToDoAboutWhatIsAlmostJson) {
  const std::string good = "{\"sent_id\": 1, \"cues\": [\"a\"]}\n";
  expect_fault(good + "{\"sent_id\": NaN}", "2:", "NaN and Infinity are no JSON");
  expect_fault(good + "{\"x\": -Infinity}", "2:", "NaN and Infinity are no JSON");
  expect_fault("{\"image\": \"a\\cup.png\"}", "1:", "a backslash is written twice");
  expect_fault("{\"sent_id\": 1, \"cues\": [\"caf\xe9\"]}", "1:", "save the file as UTF-8");
  expect_fault("{\"sent_id\": ", "1:", "is it cut short?");
}

TEST_F(CueStoreTest, ReadsOverAByteOrderMarkAndRefusesOtherEncodings) {
  EXPECT_EQ(CueStore(write("c.jsonl", "\xef\xbb\xbf{\"sent_id\": 3, \"cues\": [\"a\"]}\n")).size(),
            1U);
  using std::string_literals::operator""s;
  for (const auto& bytes : {"\xff\xfe{\0\"\0"s, "\xfe\xff\0{"s, "{\0\"\0"s}) {
    expect_fault(bytes, " it is text in UTF-16", "wanted UTF-8: convert it");
  }
}

TEST_F(CueStoreTest, ReadsTheOfficialFolderWhateverItsReferences) {
  write("12.json", std::string("{\"3\": ") + kFive + ", \"9\": " + kFive + "}");
  write("40.json", "{\"5\": [\"1\", \"2\", \"3\", \"4\", \"5\", \"6\"]}");
  write("umd_2_google_ref.npy", "not looked at");
  const CueStore cues(folder_.path());
  EXPECT_EQ(cues.size(), 3U);
  EXPECT_THAT(*cues.find(9), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(cues.find(5)->size(), 6U);
  EXPECT_EQ(cues.find(12), nullptr);
}

TEST_F(CueStoreTest, LooksAtNoHiddenFileOfAFolder) {
  write("12.json", std::string("{\"3\": ") + kFive + "}");
  for (const char* name : {"._12.json", ".DS_Store", "12.json~", "#12.json#"}) write(name, "\x05");
  EXPECT_EQ(CueStore(folder_.path()).size(), 1U);
}

TEST_F(CueStoreTest, RefusesDamagedOfficialDocuments) {
  expect_bad_document("{\"3\": [\"a\", \"b\", \"c\", \"d\"]}",
                      "sent_id 3 has 4 cues, wanted at least 5");
  expect_bad_document(std::string("{\"x3\": ") + kFive + "}", "\"x3\" is no sent_id");
  expect_bad_document("{\"3\": \"a\"}", "wanted a list");
  expect_bad_document("{\"3\": [1, 2, 3, 4, 5]}", "a cue is 1");
  expect_bad_document("[]", "wanted an object");
  expect_bad_document("{\"3\": ", "broken JSON");
  expect_bad_document("", "broken JSON");
  expect_bad_document(std::string("{\"3\": ") + kFive + ", \"03\": " + kFive + "}",
                      "duplicate sent_id 3");
}

TEST_F(CueStoreTest, NamesTheFirstDamagedFileOfAFolder) {
  for (int i = 10; i < 40; ++i) write(std::to_string(i) + ".json", "{}");
  write("15.json", "{\"1\": []}");
  write("30.json", "broken");
  EXPECT_THAT([&] { CueStore{folder_.path()}; },
              ThrowsMessage<core::Error>(AllOf(HasSubstr("15.json"), HasSubstr("sent_id 1"))));
}

TEST_F(CueStoreTest, RefusesASentenceThatStandsInTwoFiles) {
  write("1.json", std::string("{\"3\": ") + kFive + "}");
  write("2.json", std::string("{\"3\": ") + kFive + "}");
  EXPECT_THAT(
      [&] { CueStore{folder_.path()}; },
      ThrowsMessage<core::Error>(AllOf(HasSubstr("2.json: sent_id 3"), HasSubstr("1.json"))));
}

TEST_F(CueStoreTest, SurvivesListsOfAnyDepth) {
  const std::string deep = std::string(300'000, '[') + std::string(300'000, ']');
  for (const auto& line : {"{\"sent_id\": 1, \"cues\": [" + deep + "]}",
                           "{\"sent_id\": " + deep + ", \"cues\": []}"}) {
    EXPECT_THROW(CueStore(write("deep.jsonl", line + "\n")), core::Error);
  }
}

TEST_F(CueStoreTest, RefusesWhatIsNoSource) {
  EXPECT_THAT([&] { CueStore{folder_ / "none.jsonl"}; },
              ThrowsMessage<core::Error>(HasSubstr("none.jsonl")));
  EXPECT_THAT([&] { CueStore{folder_.path()}; },
              ThrowsMessage<core::Error>(HasSubstr(folder_.path().string())));
}

TEST_F(CueStoreTest, ListsItsSentencesInOrder) {
  const auto path = write("cues.jsonl",
                          "{\"sent_id\": 30, \"cues\": [\"a\"]}\n{\"sent_id\": 4, \"cues\": []}\n"
                          "{\"sent_id\": 5, \"cues\": [\"b\"]}\n");
  EXPECT_THAT(CueStore(path).sent_ids(), ElementsAre(5, 30));
}

TEST(CueLine, IsReadBackAsItWasWritten) {
  const std::vector<std::string> cues = {"the \"caf\xc3\xa9\"", "a\nb"};
  EXPECT_THAT(parse_cue_lines(cue_line(7, cues), "line").at(7), cues);
  EXPECT_EQ(cue_line(7, cues).find('\n'), std::string::npos);
  EXPECT_EQ(cue_line(1, {"\xff"}), "{\"sent_id\":1,\"cues\":[\"\xef\xbf\xbd\"]}");
  EXPECT_EQ(cue_line(1, {"a"}, "a b"), R"({"sent_id":1,"cues":["a"],"sentence":"a b"})");
}

TEST(RepeatedCues, TakeTheCuesInTurn) {
  EXPECT_THAT(repeated_cues({"a", "b"}), ElementsAre("a", "b", "a", "b", "a"));
  EXPECT_THAT(repeated_cues({"a", "b", "c"}, 2), ElementsAre("a", "b"));
  EXPECT_TRUE(repeated_cues({}, 3).empty());
}

TEST_F(CueStoreTest, CaptionsAreReadByTheirPicture) {
  const auto path = write("captions.jsonl", "{\"image_id\": 9, \"captions\": [\"x\"]}\n");
  EXPECT_THAT(read_captions(path).at(9), ElementsAre("x"));
  write("captions.jsonl", "{\"image_id\": 9, \"captions\": [\"x\"]}\n{\"image_id\": 9}\n");
  EXPECT_THAT([&] { read_captions(path); },
              ThrowsMessage<core::Error>(HasSubstr("captions.jsonl:2: ")));
}

}  // namespace
}  // namespace pcnet::data
