#include "pcnet/weights/pickle.h"

#include <cstdint>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::weights {
namespace {

using namespace std::string_view_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Python's repr of a value, to compare whole structures at once.
std::string repr(const PickleValue& value) {
  struct Visitor {
    std::string items(const PickleValue::List& list) const {
      std::string out;
      for (const auto& item : list) out += (out.empty() ? "" : ", ") + repr(item);
      return out;
    }
    std::string operator()(PickleValue::None) const { return "None"; }
    std::string operator()(bool b) const { return b ? "True" : "False"; }
    std::string operator()(std::int64_t i) const { return core::cat(i); }
    std::string operator()(double d) const { return core::cat("f", d); }
    std::string operator()(const std::string& s) const { return "'" + s + "'"; }
    std::string operator()(const PickleValue::Bytes& b) const { return "b'" + b.data + "'"; }
    std::string operator()(const std::shared_ptr<PickleValue::List>& l) const {
      return "[" + items(*l) + "]";
    }
    std::string operator()(const std::shared_ptr<PickleValue::Tuple>& t) const {
      return "(" + items(t->items) + ")";
    }
    std::string operator()(const std::shared_ptr<PickleValue::Dict>& d) const {
      std::string out;
      for (const auto& [k, v] : *d) out += (out.empty() ? "" : ", ") + repr(k) + ": " + repr(v);
      return "{" + out + "}";
    }
  };
  return std::visit(Visitor(), value.value);
}

std::string read(std::string_view bytes) { return repr(read_pickle(bytes, "f.p")); }

auto fails_with(const std::string& text) {
  return ThrowsMessage<core::Error>(AllOf(HasSubstr("pickle f.p"), HasSubstr(text)));
}

#define EXPECT_READ_ERROR(bytes, text) EXPECT_THAT([] { read(bytes); }, fails_with(text))

// The byte strings below are what Python's pickletools disassembles, written by hand.

TEST(ReadPickle, ReadsProtocolZeroOfPython2) {
  // [{'sent': 'it\'s', u'n': 12L}, True, 1.5, (None,)]
  EXPECT_EQ(read("(lp0\n(dp1\nS'sent'\np2\nS\"it's\"\np3\nsVn\\u00e9\np4\nL12L\nsaI01\naF1.5\na(Nt"
                 "p5\na."),
            "[{'sent': 'it's', 'n\u00e9': 12}, True, f1.5, (None)]");
}

TEST(ReadPickle, SaysWhenACopyInTextModeSpoiltIt) {
  EXPECT_READ_ERROR("(lp0\r\n(dp1\r\nS'sent'\r\np2\r\nI12\r\nsa.", "copied in text mode");
  EXPECT_READ_ERROR("\x80\x02]\r\nK\x01K", "copied in text mode");
  EXPECT_THAT([] { read("(lp0\nI12\r\na"); },
              ThrowsMessage<core::Error>(::testing::Not(HasSubstr("text mode"))));
}

TEST(ReadPickle, ReadsTheEscapesOfAByteString) {
  EXPECT_EQ(read("S'a\\x41\\n\\101\\\\'\n."), "'aA\nA\\'");
}

TEST(ReadPickle, TakesByteStringsAsUtf8ElseLatin1) {
  EXPECT_EQ(read("U\x02\xc3\xa9."sv), "'\u00e9'");
  EXPECT_EQ(read("U\x01\xe9."sv), "'\u00e9'");
  EXPECT_EQ(read("T\x02\x00\x00\x00\xe9z."sv), "'\u00e9z'");
  EXPECT_EQ(read("S'\\xe9'\n."), "'\u00e9'");
}

TEST(ReadPickle, JoinsTheSurrogatesOfPython2) {
  EXPECT_EQ(read("V\\ud83d\\ude00\n."), "'\U0001F600'");
  EXPECT_EQ(read("V\\U0001f600\n."), "'\U0001F600'");
  EXPECT_READ_ERROR("V\\ud83d!\n.", "broken \\u escape");
}

TEST(ReadPickle, ReadsIntegersOfEverySize) {
  EXPECT_EQ(read("\x80\x02(K\xffM\xff\xffJ\xff\xff\xff\xff\x8a\x00t."sv), "(255, 65535, -1, 0)");
  EXPECT_EQ(read("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."sv), "9223372036854775807");
  EXPECT_EQ(read("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\xff."sv), "-9223372036854775808");
  EXPECT_EQ(read("\x8b\x01\x00\x00\x00\xfe."sv), "-2");
  EXPECT_READ_ERROR("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00."sv,
                    "LONG1 (138) at byte 0: the integer does not fit in 64 bits");
  EXPECT_READ_ERROR("L99999999999999999999L\n.", "does not fit");
}

TEST(ReadPickle, ReadsProtocolFour) {
  EXPECT_EQ(read("\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x01"
                 "a\x94h\x01G\x3f\xf0\x00\x00\x00\x00\x00\x00"
                 "e."sv),
            "['a', 'a', f1]");
  EXPECT_EQ(read("\x80\x04"
                 "C\x02hi\x88\x86\x89\x86\x85."sv),
            "(((b'hi', True), False))");
}

TEST(ReadPickle, SharesWhatTheMemoShares) {
  const PickleValue value = read_pickle(
      "]q\x00(]q\x01h\x01"
      "e."sv,
      "f.p");
  const auto& list = *std::get<std::shared_ptr<PickleValue::List>>(value.value);
  EXPECT_EQ(std::get<std::shared_ptr<PickleValue::List>>(list[0].value),
            std::get<std::shared_ptr<PickleValue::List>>(list[1].value));
}

TEST(ReadPickle, RefusesWhateverWouldRunCode) {
  EXPECT_READ_ERROR("cos\nsystem\n(S'ls'\ntR.", "opcode GLOBAL (99) at byte 0: it would import");
  EXPECT_READ_ERROR("\x80\x04\x8c\x02os\x8c\x06system\x93."sv, "STACK_GLOBAL (147) at byte 14");
  for (const char code : {'P', 'Q', 'R', 'b', 'i', 'o', '\x81', '\x82', '\x92', '\x97'}) {
    const std::string bytes = std::string("N") + code + ".";
    EXPECT_THAT([&] { read(bytes); }, fails_with("would import or call"));
  }
}

TEST(ReadPickle, RefusesSetsAndUnknownOpcodes) {
  EXPECT_READ_ERROR("\x8f."sv, "EMPTY_SET (143) at byte 0: sets are not read");
  EXPECT_READ_ERROR("\xff."sv, "no such opcode");
  EXPECT_READ_ERROR("\x80\x06N."sv, "protocol 6, wanted 0 to 5");
}

TEST(ReadPickle, NamesThePlaceOfACut) {
  EXPECT_READ_ERROR("", "ends at byte 0 without a STOP");
  EXPECT_READ_ERROR("(N", "ends at byte 2 without a STOP");
  EXPECT_READ_ERROR("NX\xff\xff\xff\xff"sv, "BINUNICODE (88) at byte 1: it needs 4294967295 more");
  EXPECT_READ_ERROR("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"sv, "18446744073709551615 more bytes");
  EXPECT_READ_ERROR("I12", "line has no end");
  EXPECT_READ_ERROR("\x95\x05\x00\x00\x00\x00\x00\x00\x00N."sv, "the frame has 5 bytes");
  EXPECT_READ_ERROR("N.N", "1 bytes follow the end");
}

TEST(ReadPickle, RefusesADamagedStack) {
  EXPECT_READ_ERROR("a.", "APPEND (97) at byte 0: the stack is empty");
  EXPECT_READ_ERROR("(a.", "the stack is empty");
  EXPECT_READ_ERROR("t.", "no MARK");
  EXPECT_READ_ERROR("NNa.", "no list to append to");
  EXPECT_READ_ERROR("NNNs.", "no dict to put into");
  EXPECT_READ_ERROR("(Nd.", "a key has no value");
  EXPECT_READ_ERROR("NN.", "the stack holds 2 values");
  EXPECT_READ_ERROR("(N.", "1 marks at the end");
  EXPECT_READ_ERROR("h\x07.", "memo 7 was never stored");
  EXPECT_READ_ERROR("g-1\n.", "was never stored");
  EXPECT_READ_ERROR("S'open\n.", "not quoted");
  EXPECT_READ_ERROR("Ix\n.", "'x' is not an integer");
  EXPECT_READ_ERROR("F1.5z\n.", "'1.5z' is not a float");
  EXPECT_READ_ERROR("X\x01\x00\x00\x00\xe9."sv, "not UTF-8");
}

TEST(ReadPickle, RefusesDuplicateAndUnhashableKeys) {
  EXPECT_READ_ERROR("(S'a'\nNS'a'\nNd.", "the key 'a' twice");
  EXPECT_READ_ERROR("(K\x01NK\x01Nd.", "the key 1 twice");
  EXPECT_READ_ERROR("(]Nd.", "list or dict is used as a dict's key");
}

TEST(ReadPickle, ReadsNestingOf200AndRefusesMore) {
  const auto nested = [](std::size_t lists) {
    return std::string(lists, ']') + std::string(lists - 1, 'a') + ".";
  };
  EXPECT_NO_THROW(read_pickle(nested(200), "f.p"));
  EXPECT_THAT([&] { read_pickle(nested(202), "f.p"); }, fails_with("nested deeper than 200"));
  EXPECT_THAT([&] { read_pickle(nested(1000000), "f.p"); }, fails_with("nested deeper than 200"));
}

TEST(ReadPickle, DropsDeepNestingWithoutExhaustingTheCallStack) {
  // The deep list is popped before the end, only None remains.
  EXPECT_EQ(read(std::string(300000, ']') + std::string(299999, 'a') + "0N."), "None");
}

TEST(ReadPickle, RefusesCycles) {
  EXPECT_READ_ERROR(
      "]q\x00h\x00"
      "a."sv,
      "contains itself");
}

TEST(ReadPickle, RefusesReferenceBombs) {
  // Each level holds the one before ten times: 10^30 values when written out.
  std::string lists = "]q";
  lists += '\0';
  for (char level = 0; level < 30; ++level) {
    lists += "](";
    for (int i = 0; i < 10; ++i) lists += std::string("h") + level;
    lists += std::string("eq") + static_cast<char>(level + 1);
  }
  lists = "(" + lists + "l.";
  EXPECT_THAT([&] { read_pickle(lists, "f.p"); }, fails_with("reference bomb"));

  // A megabyte that every two bytes copy.
  std::string copies = "(X";
  copies += "\x00\x00\x10\x00"sv;
  copies += std::string(1 << 20, 'x') + "q";
  copies += '\0';
  for (int i = 0; i < 1000; ++i) copies += "h\0"sv;
  copies += "l.";
  EXPECT_THAT([&] { read_pickle(copies, "f.p"); }, fails_with("reference bomb"));
}

TEST(ReadPickle, SurvivesEveryCutAndEveryChangedByte) {
  using List = PickleValue::List;
  using Dict = PickleValue::Dict;
  const std::string good = write_pickle(
      List{Dict{{"a", List{1, 70000, std::int64_t{1} << 40}}, {"b", PickleValue::Tuple{{1.5}}}},
           "text", true, PickleValue()});
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_THROW(read(good.substr(0, cut)), core::Error) << cut;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string bad = good;
      bad[at] = static_cast<char>(byte);
      try {
        read(bad);
      } catch (const core::Error&) {  // an Error or a value, never anything else
      }
    }
  }
}

TEST(WritePickle, ComesBack) {
  using List = PickleValue::List;
  using Dict = PickleValue::Dict;
  using Tuple = PickleValue::Tuple;
  List values = {PickleValue(), true, false, 0, 255, 256, 65535, 65536, -1, 2.5, "", "n\u00e9"};
  values.emplace_back(std::numeric_limits<std::int64_t>::min());
  values.emplace_back(List{});
  values.emplace_back(Dict{});
  for (int size = 0; size < 5; ++size) {
    values.emplace_back(Tuple{List(static_cast<std::size_t>(size), PickleValue(7))});
  }
  values.emplace_back(Dict{{"k", List{1}}, {2, Tuple{{List{2}}}}});
  EXPECT_EQ(read(write_pickle(values)), repr(values));
}

TEST(WritePickle, WritesASharedContainerOnce) {
  const PickleValue shared(PickleValue::List{1, 2, 3});
  PickleValue value = shared;
  for (int level = 0; level < 60; ++level) value = PickleValue(PickleValue::List{value, value});
  EXPECT_LT(write_pickle(value).size(), 2000U);
}

TEST(WritePickle, RefusesEndlessNesting) {
  PickleValue deep;
  for (int level = 0; level < 300; ++level) {
    PickleValue::List one;
    one.push_back(deep);
    deep = PickleValue(std::move(one));
  }
  EXPECT_THAT([&] { write_pickle(deep); },
              ThrowsMessage<core::Error>(HasSubstr("deeper than 200")));
}

}  // namespace
}  // namespace pcnet::weights
