#include "pcnet/report/html_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/files.h"
#include "pcnet/image/jpeg.h"

#include "support/temporary_folder.h"

namespace pcnet::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HtmlText, LeavesNoMarkup) {
  EXPECT_EQ(html_text("<script>alert(\"a\" & 'b')</script>"),
            "&lt;script&gt;alert(&quot;a&quot; &amp; &#39;b&#39;)&lt;/script&gt;");
  EXPECT_EQ(html_text("caf\xc3\xa9\tx\ny"), "caf\xc3\xa9\tx\ny");
}

TEST(HtmlText, ReplacesWhatAPageMayNotHold) {
  EXPECT_EQ(html_text(std::string("a\0b\x1b\x7f", 5)),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(html_text("caf\xe9"), "caf\xef\xbf\xbd");
  EXPECT_EQ(html_text("\xed\xa0\x80").find('\xed'), std::string::npos);  // a lone surrogate
}

TEST(HtmlTable, EscapesAndNamesItsParts) {
  const std::string table = html_table({.caption = "c & d",
                                        .header = {"", "a<b"},
                                        .rows = {{{"<i>", "1"}, "part"}, {{"y", "\"2\""}}},
                                        .sortable = true});
  EXPECT_THAT(table, HasSubstr("<caption>c &amp; d</caption>"));
  EXPECT_THAT(table, HasSubstr("<th scope=\"col\">a&lt;b</th>"));
  EXPECT_THAT(table,
              HasSubstr("<tr class=\"part\"><th scope=\"row\">&lt;i&gt;</th><td>1</td></tr>"));
  EXPECT_THAT(table, HasSubstr("<td>&quot;2&quot;</td>"));
  EXPECT_THAT(table, HasSubstr("numbers sortable"));
}

TEST(HtmlFigure, HoldsTheSmallerOfPngAndJpeg) {
  image::Picture flat(64, 64);
  EXPECT_THAT(html_figure(flat, "a \"b\"", "<b>c</b>"),
              ::testing::AllOf(HasSubstr("data:image/png;base64,iVBOR"),
                               HasSubstr("alt=\"a &quot;b&quot;\""),
                               HasSubstr("<figcaption><b>c</b></figcaption>")));
  image::Picture noisy(64, 64);
  std::uint32_t state = 1;
  for (auto& value : noisy.rgb)
    value = static_cast<std::uint8_t>((state = state * 1664525U + 1013904223U) >> 24U);
  EXPECT_THAT(html_figure(noisy, "", ""), HasSubstr("data:image/jpeg;base64,/9j/"));
}

TEST(HtmlPage, LinksItsSectionsAndNothingElse) {
  const std::string page =
      html_page("a < b", "<p>lead</p>", {html_section("one", "First & last", "<p>x</p>")});
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_THAT(page, HasSubstr("<title>a &lt; b</title>"));
  EXPECT_THAT(page, HasSubstr("<a href=\"#one\">First &amp; last</a>"));
  EXPECT_THAT(page, HasSubstr("<section id=\"one\">"));
  EXPECT_THAT(page, Not(HasSubstr("http")));
}

TEST(Jpeg, IsReadAgainNearlyAsItWas) {
  image::Picture picture(20, 30);
  for (std::int64_t y = 0; y < 20; ++y) {
    for (std::int64_t x = 0; x < 30; ++x) {
      picture.pixel(y, x)[0] = static_cast<std::uint8_t>(200);
      picture.pixel(y, x)[1] = static_cast<std::uint8_t>(8 * x);
      picture.pixel(y, x)[2] = static_cast<std::uint8_t>(10);
    }
  }
  const support::TemporaryFolder folder;
  const auto path = folder.path() / "a.jpg";
  core::write_file(path, image::encode_jpeg(picture, 95));
  const image::Picture read = image::read_picture(path);
  ASSERT_EQ(read.height, 20);
  ASSERT_EQ(read.width, 30);
  for (std::size_t i = 0; i < read.rgb.size(); ++i) {
    EXPECT_NEAR(read.rgb[i], picture.rgb[i], 12) << i;
  }
  EXPECT_ANY_THROW(image::encode_jpeg({}, 90));
}

}  // namespace
}  // namespace pcnet::report
