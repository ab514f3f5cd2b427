#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/weights/npy.h"
#include "pcnet/weights/safetensors.h"

namespace pcnet::weights {
namespace {

using namespace std::string_view_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class TensorFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / core::cat("tensor_files_", ::getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }

  /// A safetensors file with that header and so many bytes of data.
  std::filesystem::path crafted(const std::string& header, std::size_t data) const {
    std::string bytes(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) {
      bytes[i] = static_cast<char>((header.size() >> (8 * i)) & 0xff);
    }
    core::write_file(path("crafted"), bytes + header + std::string(data, '\0'));
    return path("crafted");
  }
  void expect_refused(const std::string& header, std::size_t data, const std::string& text) const {
    EXPECT_THAT([&] { read_safetensors(crafted(header, data)); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("crafted"), HasSubstr(text))));
  }
  static std::string entry(const std::string& dtype, const std::string& shape,
                           const std::string& offsets) {
    return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}";
  }

 private:
  std::filesystem::path folder_;
};

using Safetensors = TensorFiles;
using Npy = TensorFiles;

TEST_F(Safetensors, ComeBackInOrderWithMetadata) {
  TensorFile file;
  for (const auto type : {at::kByte, at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong,
                          at::kInt, at::kShort, at::kChar, at::kBool}) {
    file.tensors.emplace_back(c10::toString(type), torch::arange(6).reshape({2, 3}).to(type));
  }
  file.tensors.emplace_back("scalar", torch::tensor(1.5F));
  file.tensors.emplace_back("empty", torch::empty({0, 3}));
  file.tensors.emplace_back("turned", torch::arange(6).reshape({2, 3}).t());
  file.metadata = {{"step", "12"}, {"name", "\u00e9"}};
  write_safetensors(path("a"), file);
  const TensorFile again = read_safetensors(path("a"));
  EXPECT_EQ(again.metadata, file.metadata);
  ASSERT_EQ(again.tensors.size(), file.tensors.size());
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    EXPECT_EQ(again.tensors[i].first, file.tensors[i].first);
    EXPECT_EQ(again.tensors[i].second.dtype(), file.tensors[i].second.dtype());
    EXPECT_TRUE(at::equal(again.tensors[i].second, file.tensors[i].second)) << i;
  }
  ASSERT_NE(again.find("scalar"), nullptr);
  EXPECT_EQ(again.find("scalar")->item<float>(), 1.5F);
  EXPECT_EQ(again.find("nothing"), nullptr);
}

TEST_F(Safetensors, AreTheSameBytesEachTime) {
  const TensorFile file{{{"b", torch::ones({3})}, {"a", torch::zeros({2}, at::kByte)}},
                        {{"k", "v"}}};
  write_safetensors(path("a"), file);
  write_safetensors(path("b"), file);
  EXPECT_EQ(core::read_file(path("a")), core::read_file(path("b")));
}

TEST_F(Safetensors, KeepTheFileUntouchedWhenATensorIsChanged) {
  write_safetensors(path("a"), {{{"x", torch::zeros({4})}}, {}});
  read_safetensors(path("a")).tensors[0].second.fill_(7);
  EXPECT_EQ(read_safetensors(path("a")).tensors[0].second.sum().item<float>(), 0);
}

TEST_F(Safetensors, ReadUnalignedTensors) {
  const auto file = crafted(
      R"({"a":)" + entry("U8", "[1]", "[0,1]") + R"(,"b":)" + entry("F32", "[2]", "[1,9]") + "}",
      9);
  EXPECT_EQ(read_safetensors(file).tensors[1].second.sum().item<float>(), 0);
}

TEST_F(Safetensors, AreNotCopiedBehindANumberOfFourBytes) {
  write_safetensors(path("a"), {{{"scale", torch::ones({})}, {"x", torch::ones({5})}}, {}});
  const auto file = read_safetensors(path("a"));
  const auto* scale = file.tensors.at(0).second.const_data_ptr<float>();
  EXPECT_EQ(file.tensors.at(1).second.const_data_ptr<float>(), scale + 1);
}

TEST_F(Safetensors, RefuseATornHeader) {
  core::write_file(path("short"), "abc");
  EXPECT_THAT([&] { read_safetensors(path("short")); },
              ThrowsMessage<core::Error>(HasSubstr("it has 3 bytes")));
  core::write_file(path("torn"), "\x50\0\0\0\0\0\0\0{}"sv);
  EXPECT_THAT([&] { read_safetensors(path("torn")); },
              ThrowsMessage<core::Error>(HasSubstr("claims 80 bytes, only 2 follow")));
  core::write_file(path("huge"), "\xff\xff\xff\xff\xff\xff\xff\xff{}"sv);
  EXPECT_THAT([&] { read_safetensors(path("huge")); },
              ThrowsMessage<core::Error>(HasSubstr("wanted at most 100000000")));
  EXPECT_THROW(read_safetensors(path("missing")), core::Error);
  EXPECT_THROW(read_safetensors(path(".")), core::Error);
}

TEST_F(Safetensors, RefuseABadHeader) {
  expect_refused("{oops", 0, "not JSON");
  expect_refused("[]", 0, "not a JSON object");
  expect_refused(R"({"__metadata__":{"a":1}})", 0, "wanted a string");
  expect_refused(R"({"__metadata__":[]})", 0, "__metadata__ is not");
  expect_refused(R"({"a":3})", 0, "tensor 'a': wanted an object");
  expect_refused(R"({"a":)" + entry("F13", "[1]", "[0,4]") + "}", 4, "unknown dtype \"F13\"");
  expect_refused(R"({"a":)" + entry("F32", "[-1]", "[0,4]") + "}", 4, "shape hold -1");
  expect_refused(R"({"a":)" + entry("F32", "[1.5]", "[0,4]") + "}", 4, "shape hold 1.5");
  expect_refused(R"({"a":)" + entry("F32", "3", "[0,4]") + "}", 4, "shape is not a list");
  expect_refused(R"({"a":)" + entry("F32", "[4294967296,4294967296,2]", "[0,4]") + "}", 4,
                 "more than 2^63 bytes");
  const std::string one = entry("U8", "[1]", "[0,1]");
  expect_refused(R"({"a":)" + one + R"(,"a":)" + one + "}", 1, "stands twice");
}

TEST_F(Safetensors, RefuseABadLayout) {
  expect_refused(R"({"a":)" + entry("F32", "[2]", "[0,8]") + "}", 4, "not a range inside the 4");
  expect_refused(R"({"a":)" + entry("F32", "[1]", "[4,0]") + "}", 4, "not a range");
  expect_refused(R"({"a":)" + entry("F32", "[1]", "[0]") + "}", 4, "not two numbers");
  expect_refused(R"({"a":)" + entry("F32", "[3]", "[0,8]") + "}", 8, "need 12 bytes");
  expect_refused(
      R"({"a":)" + entry("U8", "[2]", "[0,2]") + R"(,"b":)" + entry("U8", "[2]", "[1,3]") + "}", 3,
      "tensor 'b': its data start at 1, wanted 2: it overlaps");
  expect_refused(
      R"({"a":)" + entry("U8", "[1]", "[0,1]") + R"(,"b":)" + entry("U8", "[1]", "[2,3]") + "}", 3,
      "there is a hole before it");
  expect_refused(R"({"a":)" + entry("U8", "[1]", "[0,1]") + "}", 3, "fill 1 bytes of data");
}

TEST_F(Safetensors, RefuseToWriteWhatTheFormatCannotHold) {
  const auto x = torch::zeros({1});
  EXPECT_THROW(write_safetensors(path("w"), {{{"a", x}, {"a", x}}, {}}), core::Error);
  EXPECT_THROW(write_safetensors(path("w"), {{{"__metadata__", x}}, {}}), core::Error);
  EXPECT_THROW(write_safetensors(path("w"), {{{"a", x.to(at::kComplexFloat)}}, {}}), core::Error);
  EXPECT_THROW(write_safetensors(path("w"), {{{"\xff", x}}, {}}), core::Error);
  EXPECT_THROW(write_safetensors(path("w"), {{{"a", at::Tensor()}}, {}}), core::Error);
  EXPECT_FALSE(std::filesystem::exists(path("w")));
}

TEST_F(Npy, ComesBack) {
  for (const auto type : {at::kFloat, at::kDouble, at::kLong, at::kByte, at::kBool}) {
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{}, {0}, {5}, {2, 3}, {2, 1, 4}}) {
      const at::Tensor tensor = torch::rand(shape).mul(90).to(type);
      write_npy(path("a.npy"), tensor);
      const at::Tensor again = read_npy(path("a.npy"));
      EXPECT_EQ(again.dtype(), tensor.dtype());
      EXPECT_TRUE(at::equal(again, tensor));
    }
  }
  EXPECT_THROW(write_npy(path("b.npy"), torch::zeros({1}, at::kHalf)), core::Error);
}

TEST_F(Npy, ReadsFortranOrder) {
  // The bytes 0, 1, ..., 5 of 2 x 3 in Fortran order: down the columns.
  write_npy(path("a.npy"), torch::arange(6, torch::kFloat).view({2, 3}));
  std::string bytes = core::read_file(path("a.npy"));
  bytes.replace(bytes.find("False"), 5, "True ");
  core::write_file(path("f.npy"), bytes);
  const at::Tensor wanted = torch::tensor({{0.F, 2.F, 4.F}, {1.F, 3.F, 5.F}});
  EXPECT_TRUE(at::equal(read_npy(path("f.npy")), wanted));
}

TEST_F(Npy, RefusesDamage) {
  write_npy(path("a.npy"), torch::ones({2, 3}));
  const std::string good = core::read_file(path("a.npy"));
  const auto refuses = [&](std::string bytes, const std::string& text) {
    core::write_file(path("bad.npy"), bytes);
    EXPECT_THAT([&] { read_npy(path("bad.npy")); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("bad.npy"), HasSubstr(text))));
  };
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string bytes = good;
    bytes.replace(bytes.find(from), from.size(), to);
    return bytes;
  };
  refuses("", "does not start as a NumPy file");
  refuses(good.substr(0, 8), "cut short inside its header");
  refuses(good.substr(0, 40), "header claims");
  refuses(good.substr(0, good.size() - 1), "need 24 bytes, the file holds 23");
  refuses(good + "x", "the file holds 25");
  refuses(replaced("<f4", ">f4"), "its type is >f4");
  refuses(replaced("(2, 3)", "(2,-3)"), "header cannot be read");
  refuses(replaced("'descr'", "'other'"), "header cannot be read");
  refuses(replaced("\x93NUMPY\x01", "\x93NUMPY\x03"), "version 3.0");
}

}  // namespace
}  // namespace pcnet::weights
