#include "pcnet/serve/question.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/format.h"

namespace pcnet::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Limits kLimits;

/// Status and message of what is refused; 0 for what is not.
std::pair<int, std::string> refused(const std::string& json, const Limits& limits = kLimits) {
  try {
    (void)parse_question(json, limits);
  } catch (const HttpError& error) {
    return {error.status(), error.what()};
  }
  return {0, ""};
}

TEST(Question, ReadsEveryField) {
  const Question question = parse_question(
      R"( {"texts": ["a cup", "the star"], "image": "Zm9v", "cues": [["cup"], null],
           "segmentor": "sam", "clicks": [null, [{"x": 1.5, "y": 2}, {"x": 0, "y": 0, "label": 0}]],
           "maps": true, "map_size": 64} )",
      kLimits);
  EXPECT_EQ(question.image, "foo");
  EXPECT_EQ(question.image_id, "");
  EXPECT_THAT(question.texts, ElementsAre("a cup", "the star"));
  ASSERT_EQ(question.cues.size(), 2U);
  EXPECT_THAT(*question.cues[0], ElementsAre("cup"));
  EXPECT_FALSE(question.cues[1].has_value());
  EXPECT_EQ(question.segmentor, "sam");
  ASSERT_EQ(question.clicks.size(), 2U);
  EXPECT_TRUE(question.clicks[0].empty());
  ASSERT_EQ(question.clicks[1].size(), 2U);
  EXPECT_EQ(question.clicks[1][0].x, 1.5);
  EXPECT_TRUE(question.clicks[1][0].on_object);
  EXPECT_FALSE(question.clicks[1][1].on_object);
  EXPECT_TRUE(question.maps);
  EXPECT_EQ(question.map_size, 64);
}

TEST(Question, NeedsAnImageAndATextAlone) {
  const Question question = parse_question(R"({"image_id": "12ab", "text": "cup"})", kLimits);
  EXPECT_EQ(question.image_id, "12ab");
  EXPECT_THAT(question.texts, ElementsAre("cup"));
  EXPECT_TRUE(question.cues.empty());
  EXPECT_TRUE(question.clicks.empty());
  EXPECT_FALSE(question.maps);
  EXPECT_EQ(question.map_size, 512);
}

TEST(Question, TakesEscapedSlashesOfBase64) {
  EXPECT_EQ(parse_question(R"({"image": "+\/+\/", "text": "cup"})", kLimits).image, "\xfb\xff\xbf");
}

TEST(Question, RefusesWhatIsBroken) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "no JSON object"},
      {"[]", "no JSON object"},
      {R"({"image": "Zm9v", "text": "cup"} x)", "no JSON object"},
      {R"({"image": "Zm9v", "text": "cup")", "no JSON object"},
      {R"({"text": "cup"})", "wanted image or image_id"},
      {R"({"image": "Zm9v", "image_id": "a", "text": "cup"})", "wanted one of them"},
      {R"({"image": "Zm9v"})", "no text"},
      {R"({"image": "Zm9v", "texts": []})", "no text"},
      {R"({"image": "Zm9v", "texts": "cup"})", "texts is a string, wanted a list"},
      {R"({"image": "Zm9v", "text": "cup", "texts": ["a"]})", "wanted one of them"},
      {R"({"image": "Zm9v", "text": 3})", "texts[0] is a number, wanted a string"},
      {R"({"image": "Zm9v", "text": " "})", "texts[0] is empty"},
      {R"({"image": "Zm9", "text": "cup"})", "no base64"},
      {R"({"image": "", "text": "cup"})", "no base64"},
      {R"({"image": 3, "text": "cup"})", "no string"},
      {R"({"image": "Zm9v", "text": "cup", "txets": []})", "did you mean texts?"},
      {R"({"image": "Zm9v", "text": "cup", "text": "cup"})", "text is there twice"},
      {R"({"image": "Zm9v", "text": "cup", "cues": [null, null]})", "one for each of 1 texts"},
      {R"({"image": "Zm9v", "text": "cup", "cues": [[""]]})", "cues[0][0] is empty"},
      {R"({"image": "Zm9v", "text": "cup", "cue": ["cup"]})", "unknown field \"cue\""},
      {R"({"image": "Zm9v", "text": "cup", "clicks": [[{"x": 1}]]})", "clicks[0][0] has no \"y\""},
      {R"({"image": "Zm9v", "text": "cup", "clicks": [[{"x": 1, "y": 1, "z": 1}]]})", "\"z\""},
      {R"({"image": "Zm9v", "text": "cup", "clicks": [[{"x": 1, "y": 1, "label": 2}]]})",
       "wanted 1 or 0"},
      {R"({"image": "Zm9v", "text": "cup", "clicks": [[{"x": 1e999, "y": 1}]]})", "clicks"},
      {R"({"image": "Zm9v", "text": "cup", "maps": 1})", "wanted true or false"},
      {R"({"image": "Zm9v", "text": "cup", "map_size": 15})", "from 16 to 2048"},
      {R"({"image": "Zm9v", "text": "cup", "map_size": 16.5})", "from 16 to 2048"},
      {"{\"image\": \"Zm9v\", \"text\": \"\xff\"}", "text"},
  };
  for (const auto& [json, message] : cases) {
    const auto [status, text] = refused(json);
    EXPECT_EQ(status, 400) << json;
    EXPECT_THAT(text, HasSubstr(message)) << json;
  }
}

TEST(Question, RefusesMoreThanTheLimits) {
  Limits limits;
  limits.texts = 2;
  limits.text_bytes = 5;
  limits.cues = 1;
  limits.clicks = 1;
  for (const char* json : {
           R"({"image": "Zm9v", "texts": ["a", "b", "c"]})",
           R"({"image": "Zm9v", "text": "abcdef"})",
           R"({"image": "Zm9v", "text": "a", "cues": [["b", "c"]]})",
           R"({"image": "Zm9v", "text": "a", "cues": [["abcdef"]]})",
           R"({"image": "Zm9v", "text": "a", "clicks": [[{"x":1,"y":1},{"x":1,"y":1}]]})",
       }) {
    EXPECT_EQ(refused(json, limits).first, 413) << json;
  }
  EXPECT_EQ(
      refused(R"({"image": "Zm9v", "texts": ["abcde", "b"], "cues": [["c"], []]})", limits).first,
      0);
}

TEST(Question, DoesNotBuildWhatIsDeepOrLong) {
  const std::string deep = R"({"image": "Zm9v", "texts": )" + std::string(1 << 20, '[');
  EXPECT_EQ(refused(deep).first, 400);  // it has no end
  const std::string closed =
      core::cat(R"({"texts": )", std::string(1 << 20, '['), std::string(1 << 20, ']'), "}");
  EXPECT_EQ(refused(closed).first, 413);
}

TEST(Question, OfAFormIsTheSame) {
  const std::vector<Part> parts = {{"text", "a cup"},   {"text", "the star"},
                                   {"image", "foo"},    {"cue", "cup"},
                                   {"cue", "red"},      {"maps", "true"},
                                   {"map_size", "32"},  {"clicks", R"([[{"x":1,"y":2}],null])"},
                                   {"segmentor", "sam"}};
  const Question question = parse_question(parts, kLimits);
  EXPECT_EQ(question.image, "foo");
  EXPECT_THAT(question.texts, ElementsAre("a cup", "the star"));
  ASSERT_EQ(question.cues.size(), 2U);
  EXPECT_THAT(*question.cues[0], ElementsAre("cup", "red"));
  EXPECT_THAT(*question.cues[1], ElementsAre("cup", "red"));
  EXPECT_TRUE(question.maps);
  EXPECT_EQ(question.map_size, 32);
  EXPECT_EQ(question.segmentor, "sam");
  EXPECT_EQ(question.clicks.at(0).size(), 1U);
}

TEST(Question, OfAFormRefusesWhatIsBroken) {
  const std::pair<std::vector<Part>, const char*> cases[] = {
      {{}, "wanted image or image_id"},
      {{{"image", "foo"}}, "no text"},
      {{{"image", "foo"}, {"image", "foo"}, {"text", "a"}}, "image is there twice"},
      {{{"image", "foo"}, {"text", "a"}, {"cue", "b"}, {"cues", "[[]]"}}, "wanted one of them"},
      {{{"image", "foo"}, {"text", "\xff"}}, "no text in UTF-8"},
      {{{"image", "foo"}, {"text", "a"}, {"maps", "yes"}}, "maps"},
      {{{"image", "foo"}, {"text", "a"}, {"file", "b"}}, "unknown field \"file\""},
  };
  for (const auto& [parts, message] : cases) {
    try {
      (void)parse_question(parts, kLimits);
      ADD_FAILURE() << message;
    } catch (const HttpError& error) {
      EXPECT_EQ(error.status(), 400);
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  }
}

}  // namespace
}  // namespace pcnet::serve
