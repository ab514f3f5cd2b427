#include "pcnet/serve/form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pcnet::serve {

bool operator==(const Part& a, const Part& b) { return a.name == b.name && a.content == b.content; }

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kType = "multipart/form-data; boundary=ab";

TEST(Form, HasItsPartsInOrder) {
  // As curl writes it.
  EXPECT_THAT(parse_form("multipart/form-data; boundary=----d74",
                         "------d74\r\n"
                         "Content-Disposition: form-data; name=\"image\"; filename=\"a.jpg\"\r\n"
                         "Content-Type: image/jpeg\r\n\r\n"
                         "1\r\n\r\n--2\r\n"
                         "------d74\r\n"
                         "Content-Disposition: form-data; name=\"text\"\r\n\r\n"
                         "the cup\r\n"
                         "------d74--\r\n"),
              ElementsAre(Part{"image", "1\r\n\r\n--2"}, Part{"text", "the cup"}));
}

TEST(Form, IsReadInOtherWritingsOfTheSame) {
  const Part wanted{"a", "x"};
  for (const char* body : {
           "--ab\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--ab--",
           "--ab\r\ncontent-disposition:form-data;name=a\r\n\r\nx\r\n--ab--\r\n",
           "--ab \t\r\nX: y\r\nContent-Disposition: form-data; filename=\"n;name=b\"; "
           "Name=\"a\"\r\n\r\n"
           "x\r\n--ab--",
           "before\r\n--ab\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--ab--\r\nafter",
       }) {
    EXPECT_THAT(parse_form(kType, body), ElementsAre(wanted)) << body;
  }
  const char* body = "--ab\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--ab--";
  for (const char* type :
       {"multipart/form-data;boundary=ab", "Multipart/Form-Data; charset=utf-8; Boundary=\"ab\"",
        "multipart/form-data; boundary=ab ; charset=utf-8"}) {
    EXPECT_THAT(parse_form(type, body), ElementsAre(wanted)) << type;
  }
}

TEST(Form, MayHaveEmptyPartsAndNone) {
  EXPECT_THAT(parse_form(kType, "--ab\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--ab--"),
              ElementsAre(Part{"a", ""}));
  EXPECT_THAT(parse_form(kType, "--ab--\r\n"), IsEmpty());
}

TEST(Form, IsRefusedWhereItIsBroken) {
  const char* part = "Content-Disposition: form-data; name=a\r\n\r\nx\r\n";
  const std::string whole = std::string("--ab\r\n") + part;
  const std::pair<const char*, std::string> cases[] = {
      {"multipart/form-data", whole},
      {"multipart/form-data; boundary=", whole},
      {"multipart/form-data; boundary="
       "01234567890123456789012345678901234567890123456789012345678901234567890",
       whole},
      {kType, ""},
      {kType, whole},
      {kType, whole.substr(0, 20)},
      {kType, whole + "--ab"},
      {kType, whole + "--abc\r\n"},
      {kType, "--ab\r\nContent-Disposition: form-data\r\n\r\nx\r\n--ab--"},
      {kType, "--ab\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nx\r\n--ab--"},
      {kType, "--ab\r\nno header\r\n\r\nx\r\n--ab--"},
      {kType, "--cd\r\n\r\n--cd--"},
  };
  for (const auto& [type, body] : cases) {
    try {
      (void)parse_form(type, body);
      ADD_FAILURE() << type << "\n" << body;
    } catch (const HttpError& error) {
      EXPECT_EQ(error.status(), 400);
      EXPECT_THAT(error.what(), HasSubstr("the form is broken"));
    }
  }
}

TEST(Form, HasABoundOfParts) {
  std::string body;
  for (int i = 0; i < 257; ++i)
    body += "--ab\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
  try {
    (void)parse_form(kType, body + "--ab--");
    FAIL();
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 413);
  }
}

TEST(Form, IsKnownByItsType) {
  EXPECT_TRUE(is_form("Multipart/Form-Data; boundary=x"));
  EXPECT_FALSE(is_form("multipart/form-database"));
  EXPECT_TRUE(is_json_type("application/json"));
  EXPECT_TRUE(is_json_type("Application/JSON ; charset=utf-8"));
  EXPECT_FALSE(is_json_type("application/jsonp"));
  EXPECT_FALSE(is_json_type(""));
}

}  // namespace
}  // namespace pcnet::serve
