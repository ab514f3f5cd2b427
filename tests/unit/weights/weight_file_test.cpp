#include "pcnet/weights/weight_file.h"

#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"

#include "support/memory.h"
#include "support/temporary_folder.h"
#include "support/zip_bytes.h"

namespace pcnet::weights {
namespace {

using namespace std::string_view_literals;
using support::ZipItem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::ThrowsMessage;

/// The pickle of a tensor in the storage of six floats called '0'.
std::string tensor(const std::string& offset_shape_strides,
                   const std::string& type = "FloatStorage", const std::string& count = "6") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\n" + type + "\nS'0'\nS'cpu'\nI" +
         count + "\ntQ" + offset_shape_strides + "I00\nNtR";
}

const std::string kMatrix = tensor("I0\n(I2\nI3\nt(I3\nI1\nt");

std::string six_floats() {
  const float numbers[] = {0, 1, 2, 3, 4, 5};
  std::string bytes(sizeof numbers, '\0');
  std::memcpy(bytes.data(), numbers, sizeof numbers);
  return bytes;
}

class WeightFiles : public ::testing::Test {
 protected:
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }

  WeightFile open(const std::string& pickle, std::vector<ZipItem> more = {}) const {
    std::vector<ZipItem> items = {{.name = "a/version", .data = "3\n"},
                                  {.name = "a/data.pkl", .data = pickle},
                                  {.name = "a/data/0", .data = six_floats()}};
    items.insert(items.end(), more.begin(), more.end());
    core::write_file(path("a.pth"), support::zip_bytes(items));
    return open_weights(path("a.pth"));
  }

  void expect_refused(const std::string& name, const std::string& text) const {
    EXPECT_THAT([&] { open_weights(path(name)); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr(name), HasSubstr(text))));
  }
  void expect_bytes_refused(std::string_view bytes, const std::string& text,
                            const std::string& name = "file") const {
    core::write_file(path(name), bytes);
    expect_refused(name, text);
  }
  void expect_tensor_refused(const std::string& pickle, const std::string& text,
                             const std::vector<ZipItem>& more = {}) const {
    EXPECT_THAT([&] { open("(dS'w'\n" + pickle + "s.", more); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("tensor 'w'"), HasSubstr(text))));
  }

  support::TemporaryFolder folder_;
};

TEST_F(WeightFiles, OpenATorchZip) {
  const WeightFile file = open("(dS'model'\n(dS'w'\n" + kMatrix + "ssS'epoch'\nI15\ns.",
                               {{.name = "a/byteorder", .data = "little"}});
  EXPECT_EQ(file.container, Container::kTorchZip);
  EXPECT_EQ(file.path, path("a.pth"));
  ASSERT_EQ(file.content.tensors.size(), 1U);
  EXPECT_EQ(file.content.tensors[0].first, "model.w");
  EXPECT_TRUE(
      at::equal(file.content.tensors[0].second, torch::arange(6, at::kFloat).reshape({2, 3})));
  EXPECT_THAT(file.values, ElementsAre(Pair("epoch", "15")));
}

TEST_F(WeightFiles, OpenTorchScriptByItsCode) {
  const WeightFile file = open("c__torch__\nNet\n)\x81(dS'w'\n" + kMatrix + "sb.",
                               {{.name = "a/code/__torch__.py", .data = "class Net"}});
  EXPECT_EQ(file.container, Container::kTorchScript);
  EXPECT_NE(file.content.find("w"), nullptr);
}

TEST_F(WeightFiles, ReadEveryView) {
  const auto view = [&](const std::string& numbers) {
    return open(tensor(numbers) + ".").content.tensors[0].second;
  };
  const at::Tensor six = torch::arange(6, at::kFloat);
  EXPECT_TRUE(at::equal(view("I0\n(I3\nI2\nt(I1\nI3\nt"), six.reshape({2, 3}).t()));
  EXPECT_TRUE(at::equal(view("I1\n(I2\nt(I3\nt"), torch::tensor({1.F, 4.F})));
  EXPECT_TRUE(at::equal(view("I5\n)"
                             ")"),
                        torch::tensor(5.F)));
  EXPECT_TRUE(at::equal(view("I2\n(I4\nt(I0\nt"), torch::full({4}, 2.F)));
  EXPECT_EQ(view("I6\n(I0\nI7\nt(I7\nI1\nt").sizes(), at::IntArrayRef({0, 7}));
}

TEST_F(WeightFiles, ShareAStorageBetweenTensors) {
  const WeightFile file = open("(lp0\n" + kMatrix + "a" + tensor("I3\n(I3\nt(I1\nt") + "a.");
  const auto& tensors = file.content.tensors;
  EXPECT_TRUE(at::equal(tensors[1].second, torch::tensor({3.F, 4.F, 5.F})));
  EXPECT_EQ(static_cast<const float*>(tensors[1].second.const_data_ptr()),
            static_cast<const float*>(tensors[0].second.const_data_ptr()) + 3);
}

TEST_F(WeightFiles, RefuseViewsThatLeaveTheirStorage) {
  expect_tensor_refused(tensor("I0\n(I7\nt(I1\nt"), "needs 28 bytes, its storage '0' has 24");
  expect_tensor_refused(tensor("I1\n(I2\nI3\nt(I3\nI1\nt"), "needs 28 bytes");
  expect_tensor_refused(tensor("I-1\n(I1\nt(I1\nt"), "negative, unequal or beyond 2^63");
  expect_tensor_refused(tensor("I0\n(I-1\nt(I1\nt"), "negative, unequal or beyond 2^63");
  expect_tensor_refused(tensor("I0\n(I2\nt(I-1\nt"), "negative, unequal or beyond 2^63");
  expect_tensor_refused(tensor("I0\n(I2\nt)"), "negative, unequal or beyond 2^63");
  const std::string huge = "I9223372036854775807\n";
  expect_tensor_refused(tensor("I0\n(" + huge + "t(I1\nt"), "beyond 2^63");
  expect_tensor_refused(tensor("I0\n(I2\nt(" + huge + "t"), "beyond 2^63");
  expect_tensor_refused(tensor(huge + "(I1\nt(I1\nt"), "beyond 2^63");
  expect_tensor_refused(tensor("I0\n(I0\n" + huge + huge + "t(I1\nI1\nI1\nt"), "beyond 2^63");
  expect_tensor_refused(tensor("I0\n(I1000000000000\nt(I0\nt"), "repeat far more than the file");
}

TEST_F(WeightFiles, RefuseStoragesThatTheArchiveDoesNotHold) {
  expect_tensor_refused(tensor("I0\n(I1\nt(I1\nt", "FloatStorage", "7"),
                        "should hold 7 elements of 4 bytes, the archive has 24 bytes");
  expect_tensor_refused(tensor("I0\n(I1\nt(I1\nt", "DoubleStorage", "4"), "should hold 4 elements");
  expect_tensor_refused(tensor("I0\n(I2\nt(I1\nt", "FloatStorage", "1"), "needs 8 bytes");
  std::string other = kMatrix;
  other.replace(other.find("S'0'"), 4, "S'1'");
  expect_tensor_refused(other, "the archive has no record 'data/1'");
  expect_tensor_refused(
      other, "is compressed, wanted it stored",
      {{.name = "a/data/1", .data = support::deflated(six_floats()), .method = 8, .size = 24}});
}

TEST_F(WeightFiles, RefuseArchivesThatTorchDidNotWrite) {
  expect_bytes_refused(support::zip_bytes({{.name = "a.txt", .data = "x"}}),
                       "torch did not write it");
  expect_bytes_refused(support::zip_bytes({}), "torch did not write it");
  expect_bytes_refused(support::zip_bytes({{.name = "x.npy", .data = "x"}}), "NumPy's .npz");
  expect_bytes_refused(support::zip_bytes({{.name = "a/data.pkl", .data = "N."}}),
                       "torch did not write it");  // without a version
  expect_bytes_refused(support::zip_bytes({{.name = "a/version", .data = "3\n"}}),
                       "it has no data.pkl: torch did not write it");
  EXPECT_THAT([&] { open("N.", {{.name = "a/byteorder", .data = "big"}}); },
              ThrowsMessage<core::Error>(HasSubstr("its numbers are big-endian")));
}

TEST_F(WeightFiles, OpenWhatHoldsMoreThanTensors) {
  const WeightFile file = open("(dS'w'\n" + kMatrix + "sS'net'\ncm\nNet\n)\x81(dS'w'\n" + kMatrix +
                               "sbsS'root'\ncpathlib\nPosixPath\n(S'x'\ntRs.");
  EXPECT_EQ(file.content.tensors.size(), 1U);
  EXPECT_THAT(file.opaque, ElementsAre(Pair("net", "m.Net"), Pair("root", "pathlib.PosixPath")));
  EXPECT_THAT(hidden_tensors_note(file), HasSubstr("1 of its tensors lie within objects"));
  EXPECT_EQ(hidden_tensors_note(open("(dS'w'\n" + kMatrix + "s.")), "");
}

TEST_F(WeightFiles, RefuseWhatIsOneOpaqueValue) {
  EXPECT_THAT([&] { open("cm\nNet\n)\x81(dS'w'\n" + kMatrix + "sb."); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr("a.pth"), HasSubstr("nothing but m.Net"),
                                               HasSubstr("save its state dict"))));
}

TEST_F(WeightFiles, SayWhatAForeignFileIs) {
  expect_bytes_refused("", "it is empty");
  expect_bytes_refused("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M"sv,
                       "it is a file of torch before 1.6; load it in Python and torch.save it");
  expect_bytes_refused(std::string(257, '\0') + "ustar", "tar archive");
  expect_bytes_refused("\n<!DOCTYPE HTML><html>", "it is a web page");
  expect_bytes_refused("<html lang=en>", "it is a web page");
  expect_bytes_refused("version https://git-lfs.github.com/spec/v1\noid", "git lfs pull");
  expect_bytes_refused("\x93NUMPY\x01\x00"sv, "NumPy array");
  expect_bytes_refused("\x1f\x8b\x08", "gunzip");
  expect_bytes_refused("\x89HDF\r\n\x1a\n", "HDF5");
  expect_bytes_refused("\x80\x04N.", "bare pickle");
  expect_bytes_refused("\x08\x07\x12\x07pytorch", "ONNX");
  expect_bytes_refused("\x0a\x05hello", "TensorFlow's", "model.pb");
  expect_bytes_refused("just some text", "neither safetensors nor a file of torch.save");
  expect_bytes_refused("abc", "cut short?", "torn.safetensors");
}

TEST_F(WeightFiles, RefuseWhatIsNoFile) {
  expect_refused("missing.pth", "No such file");
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  expect_refused("pipe", "not a regular file");
  std::filesystem::create_directories(path("folder"));
  expect_refused("folder", "holds 0 .safetensors.index.json and 0 .safetensors");
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every file";
  core::write_file(path("secret"), "x");
  std::filesystem::permissions(path("secret"), std::filesystem::perms::none);
  expect_refused("secret", "Permission denied");
}

TEST_F(WeightFiles, OpenAFolderWithOneFile) {
  std::filesystem::create_directories(path("folder"));
  write_safetensors(path("folder/a.safetensors"), {{{"w", torch::ones({2})}}, {}});
  const WeightFile file = open_weights(path("folder"));
  EXPECT_EQ(file.path, path("folder/a.safetensors"));
  EXPECT_EQ(file.container, Container::kSafetensors);
  write_safetensors(path("folder/b.safetensors"), {{{"w", torch::ones({2})}}, {}});
  expect_refused("folder", "and 2 .safetensors, wanted one");
}

TEST_F(WeightFiles, LookAtNoHiddenFileOfADirectory) {
  std::filesystem::create_directories(path("folder"));
  write_safetensors(path("folder/a.safetensors"), {{{"w", torch::ones({2})}}, {}});
  core::write_file(path("folder/._a.safetensors"), "\x05");
  core::write_file(path("folder/._m.safetensors.index.json"), "\x05");
  EXPECT_EQ(open_weights(path("folder")).path, path("folder/a.safetensors"));
}

TEST_F(WeightFiles, OpenShardsThroughTheirIndex) {
  write_safetensors(path("1.safetensors"), {{{"a", torch::ones({2})}}, {}});
  write_safetensors(path("2.safetensors"), {{{"b", torch::zeros({3})}}, {}});
  const auto index = [&](const std::string& map) {
    core::write_file(path("m.safetensors.index.json"), R"({"weight_map": {)" + map + "}}");
  };
  index(R"("a": "1.safetensors", "b": "2.safetensors")");
  const WeightFile file = open_weights(folder_.path());
  EXPECT_EQ(file.container, Container::kShardedSafetensors);
  EXPECT_TRUE(at::equal(*file.content.find("b"), torch::zeros({3})));
  const auto refused = [&](const std::string& map, const std::string& text) {
    index(map);
    expect_refused("m.safetensors.index.json", text);
  };
  refused(R"("a": "1.safetensors", "b": "3.safetensors")", "'3.safetensors' of tensor 'b' is miss");
  refused(R"("a": "1.safetensors", "b": "1.safetensors")", "which lacks it");
  refused(R"("a": "2.safetensors", "b": "2.safetensors")", "which lacks it");
  refused(R"("a": "1.safetensors", "c": "2.safetensors")", "tensor 'b' of shard");
  refused(R"("a": "2.safetensors", "b": "1.safetensors")", "the weight_map says");
  refused(R"("a": "../1.safetensors")", "leaves the folder");
  refused(R"("a": "/tmp/1.safetensors")", "leaves the folder");
  refused(R"("a": "x/../../1.safetensors")", "leaves the folder");
  refused(R"("a": "")", "leaves the folder");
  refused(R"("a": "1.pth")", "no .safetensors file");
  refused(R"("a": 1)", "is no text");
  refused("", "weight_map is empty");
  core::write_file(path("m.safetensors.index.json"), "{}");
  expect_refused("m.safetensors.index.json", "no object \"weight_map\"");
  core::write_file(path("m.safetensors.index.json"), "{");
  expect_refused("m.safetensors.index.json", "it is not JSON");
}

TEST_F(WeightFiles, WriteWhatTheyOpen) {
  TensorFile file;
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                          at::kShort, at::kChar, at::kByte, at::kBool}) {
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, {0, 2}, {3, 5}}) {
      file.tensors.emplace_back(core::cat("t", file.tensors.size(), ".x"),
                                torch::rand(shape).mul(90).to(type));
    }
  }
  file.tensors.emplace_back("transposed", torch::rand({4, 3}).t());
  write_pth(path("a.pth"), file, {.key = "model", .numbers = {{"epoch", -2}}, .empty = {"opt"}});
  const WeightFile again = open_weights(path("a.pth"));
  ASSERT_EQ(again.content.tensors.size(), file.tensors.size());
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    EXPECT_EQ(again.content.tensors[i].first, "model." + file.tensors[i].first);
    EXPECT_EQ(again.content.tensors[i].second.dtype(), file.tensors[i].second.dtype());
    EXPECT_TRUE(at::equal(again.content.tensors[i].second, file.tensors[i].second));
  }
  EXPECT_THAT(again.values, ElementsAre(Pair("epoch", "-2")));
  write_pth(path("b.pth"), file);
  EXPECT_EQ(open_weights(path("b.pth")).content.tensors[0].first, "t0.x");
}

TEST_F(WeightFiles, WriteFloatsInAnotherTypeAndTheRestAsItIs) {
  TensorFile file;
  file.tensors = {{"a", torch::tensor({1.5, -2.25, 1e-3}, at::kDouble)},
                  {"b", torch::tensor({3, 4}, at::kInt)},
                  {"c", torch::full({}, std::numeric_limits<float>::infinity())}};
  std::uint64_t told = 0;
  const WriteOptions options = {.floats = at::kHalf,
                                .progress = [&](std::uint64_t bytes) { told = bytes; }};
  write_safetensors(path("a.safetensors"), file, options);
  EXPECT_EQ(told, 3 * 2 + 2 * 4 + 2);
  write_pth(path("a.pth"), file, {}, options);
  for (const char* name : {"a.safetensors", "a.pth"}) {
    const auto again = open_weights(path(name)).content;
    for (const auto& [key, tensor] : file.tensors) {
      const auto wanted = tensor.is_floating_point() ? tensor.to(at::kHalf) : tensor;
      EXPECT_EQ(again.find(key)->scalar_type(), wanted.scalar_type()) << name << " " << key;
      EXPECT_TRUE(again.find(key)->equal(wanted)) << name << " " << key;
    }
  }
}

TEST_F(WeightFiles, RefuseToWriteNumbersThatTheTypeHasNoRoomFor) {
  TensorFile file;
  file.tensors = {{"large", torch::tensor({1.0F, 1e6F})}};
  EXPECT_THAT([&] { write_safetensors(path("a.safetensors"), file, {.floats = at::kHalf}); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr("tensor 'large': 1 of its numbers"), HasSubstr("bf16"))));
  EXPECT_FALSE(std::filesystem::exists(path("a.safetensors")));
}

TEST_F(WeightFiles, RefuseToWriteWhatTorchCannotRead) {
  const at::Tensor x = torch::zeros({1});
  EXPECT_THROW(write_pth(path("w"), {{{"a", x}, {"a", x}}, {}}), core::Error);
  EXPECT_THROW(write_pth(path("w"), {{{"a", x.to(at::kComplexFloat)}}, {}}), core::Error);
  EXPECT_THROW(write_pth(path("w"), {{{"\xff", x}}, {}}), core::Error);
  EXPECT_THROW(write_pth(path("w"), {{{"a", at::Tensor()}}, {}}), core::Error);
  PthLayout keyless;
  keyless.numbers = {{"epoch", 1}};
  EXPECT_THROW(write_pth(path("w"), {{{"a", x}}, {}}, keyless), core::Error);
  EXPECT_FALSE(std::filesystem::exists(path("w")));
}

TEST_F(WeightFiles, CopyConvertsTheType) {
  const at::Tensor half = torch::rand({5, 3, 2, 2}).to(at::kHalf);
  const at::Tensor into = torch::empty({5, 3, 2, 2}).to(at::MemoryFormat::ChannelsLast);
  copy_weights(half, into);
  EXPECT_TRUE(at::equal(into, half.to(at::kFloat)));
  const at::Tensor scalar = torch::empty({});
  copy_weights(torch::tensor(2.5), scalar);
  EXPECT_EQ(scalar.item<float>(), 2.5F);
  const at::Tensor parameter = torch::zeros({2}).requires_grad_();
  copy_weights(torch::ones({2}), parameter);
  EXPECT_EQ(parameter.sum().item<float>(), 2);
  EXPECT_THAT([&] { copy_weights(torch::ones({2}), torch::ones({3})); },
              ThrowsMessage<core::Error>(HasSubstr("[2] into [3]")));
  EXPECT_THROW(copy_weights(torch::ones({2}), torch::ones({2}, at::kLong)), core::Error);
}

TEST_F(WeightFiles, ReleaseGivesBackThePagesOfAMappedTensor) {
  constexpr std::int64_t kCount = 16 << 20;  // floats: 64 MiB
  write_safetensors(path("a.safetensors"), {{{"w", torch::ones({kCount})}}, {}});
  const WeightFile file = open_weights(path("a.safetensors"));
  const at::Tensor& mapped = file.content.tensors[0].second;
  EXPECT_EQ(mapped.sum(at::kDouble).item<double>(), kCount);
  const std::int64_t before = support::resident_bytes();
  release_pages(mapped);
  EXPECT_LT(support::resident_bytes(), before - (48 << 20));
  EXPECT_EQ(mapped.sum(at::kDouble).item<double>(), kCount);
}

TEST_F(WeightFiles, ReleaseKeepsWhatWasWritten) {
  write_safetensors(path("a.safetensors"), {{{"w", torch::ones({1 << 20})}}, {}});
  const WeightFile file = open_weights(path("a.safetensors"));
  file.content.tensors[0].second.fill_(2);
  release_pages(file.content.tensors[0].second);
  EXPECT_EQ(file.content.tensors[0].second.max().item<float>(), 2);
  EXPECT_EQ(file.content.tensors[0].second.min().item<float>(), 2);
  const at::Tensor ordinary = torch::full({1 << 20}, 3.F);
  release_pages(ordinary);
  EXPECT_EQ(ordinary.min().item<float>(), 3);
  release_pages(at::Tensor());
}

}  // namespace
}  // namespace pcnet::weights
