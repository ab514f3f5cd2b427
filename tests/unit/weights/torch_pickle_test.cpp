#include "src/weights/torch_pickle.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

#include "src/weights/flatten.h"

namespace pcnet::weights {
namespace {

using namespace std::string_view_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::ThrowsMessage;

using Values = std::vector<std::pair<std::string, std::string>>;

/// The values beside the tensors; tensors are not built.
Flat flat(std::string_view bytes) {
  const auto build = [](const PickledTensor&, const std::string&) { return at::Tensor(); };
  return flatten(read_torch_pickle(bytes, "data.pkl"), build, 1 << 16);
}

Values values(std::string_view bytes) { return flat(bytes).values; }

void expect_refused(const std::string& bytes, const std::string& text) {
  EXPECT_THAT([&] { flat(bytes); }, ThrowsMessage<core::Error>(HasSubstr(text))) << bytes;
}

const std::string kStorage = "(S'storage'\nctorch\nFloatStorage\nS'7'\nS'cpu'\nI6\ntQ";

std::string tensor(const std::string& rest) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + kStorage + rest + "tR";
}

const std::string kTensor = tensor("I1\n(I2\nI1\nt(I2\nI1\ntI00\nccollections\nOrderedDict\n)R");

TEST(TorchPickle, TellsWhatATensorClaims) {
  const TorchPickle read = read_torch_pickle(kTensor + ".", "data.pkl");
  const auto* tensor = read.find<PickledTensor>(read.root);
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->storage.key, "7");
  EXPECT_EQ(tensor->storage.count, 6);
  EXPECT_EQ(tensor->type, c10::ScalarType::Float);
  EXPECT_EQ(tensor->offset, 1);
  EXPECT_THAT(tensor->shape, ElementsAre(2, 1));
  EXPECT_THAT(tensor->strides, ElementsAre(2, 1));
}

TEST(TorchPickle, TakesAParametersTensor) {
  const Flat read = flat("ctorch._utils\n_rebuild_parameter\n(" + kTensor + "I01\nNtR.");
  ASSERT_EQ(read.tensors.size(), 1U);
  EXPECT_EQ(read.tensors[0].first, "tensor");
}

TEST(TorchPickle, NamesThePathToEachValue) {
  EXPECT_THAT(values("(dS'a'\n(lI1\naF5e-05\nasI3\n(dS'b'\nNss."),
              ElementsAre(Pair("a.0", "1"), Pair("a.1", "5e-05"), Pair("3.b", "None")));
  EXPECT_THAT(values("(d(I1\nS'x'\ntI01\ns."), ElementsAre(Pair("(1, x)", "True")));
}

TEST(TorchPickle, ReadsAnOrderedDictWithoutItsAttributes) {
  EXPECT_THAT(values("ccollections\nOrderedDict\n)RS'k'\nI1\ns(dS'_metadata'\nI9\nsb."),
              ElementsAre(Pair("k", "1")));
  EXPECT_THAT(values("ccollections\nOrderedDict\n((l(S'k'\nI1\ntatR."),
              ElementsAre(Pair("k", "1")));
}

TEST(TorchPickle, ReadsObjectsAsTheirAttributes) {
  EXPECT_THAT(values("cargparse\nNamespace\n)\x81(dS'lr'\nF0.5\nsS'eval'\nI00\nsb."),
              ElementsAre(Pair("lr", "0.5"), Pair("eval", "False")));
  EXPECT_THAT(values("c__torch__.a.b\nNet\n)\x81(dS'training'\nI01\nsS'size'\nI4\nsb."),
              ElementsAre(Pair("size", "4")));
}

TEST(TorchPickle, ReadsTorchsOwnNames) {
  EXPECT_THAT(values("ctorch\nbfloat16\n."), ElementsAre(Pair("", "torch.bfloat16")));
  EXPECT_THAT(values("ctorch\ndevice\n(S'cuda'\nI1\ntR."), ElementsAre(Pair("", "cuda:1")));
  EXPECT_THAT(values("ctorch\nSize\n((I2\nI3\nttR."), ElementsAre(Pair("0", "2"), Pair("1", "3")));
  EXPECT_THAT(values("ctorch.jit._pickle\nbuild_intlist\n((lI5\natR."),
              ElementsAre(Pair("0", "5")));
}

TEST(TorchPickle, ReadsANumberOfNumPy) {
  const std::string dtype = "cnumpy\ndtype\n(S'f8'\nI00\nI01\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb";
  const std::string half =
      "c_codecs\nencode\n(V\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u00e0?\n"
      "S'latin1'\ntR";
  EXPECT_THAT(values("cnumpy._core.multiarray\nscalar\n(" + dtype + half + "tR."),
              ElementsAre(Pair("", "0.5")));
}

TEST(TorchPickle, RefusesEveryOtherNameBeforeAnythingHappens) {
  expect_refused("cos\nsystem\n(S'ls'\ntR.", "GLOBAL (99) at byte 0: it imports os.system");
  expect_refused("\x80\x04\x8c\x05posix\x8c\x06system\x93.", "at byte 17: it imports posix.system");
  expect_refused("(ios\nsystem\n.", "INST (105) at byte 1: it imports os.system");
  expect_refused("cbuiltins\neval\n.", "it imports builtins.eval");
  expect_refused("ctorch\nload\n.", "it imports torch.load");
  expect_refused("ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes");
  expect_refused("cnumpy.core.multiarray\n_reconstruct\n.", "multiarray._reconstruct");
  expect_refused("ctorch\nComplexFloatStorage\n.", "it imports torch.ComplexFloatStorage");
  expect_refused("N(o.", "OBJ");
  for (const char code : {'\x82', '\x83', '\x84', '\x92', '\x97'}) {
    expect_refused(std::string("N") + code + ".", "would import or call");
  }
}

TEST(TorchPickle, RefusesCallsOfWhatIsNoBuilder) {
  expect_refused("S'os.system'\n(S'ls'\ntR.", "it calls something that is no imported name");
  expect_refused("ctorch\nfloat32\n)R.", "torch.float32: a type is called");
  expect_refused("ctorch\nFloatStorage\n)R.", "a type is called");
  expect_refused("cargparse\nNamespace\n(I1\ntR.", "it has 1 arguments, wanted none");
  expect_refused("(l(db.", "it sets attributes of what has none");
  expect_refused("cargparse\nNamespace\n)RI1\nb.", "state is no dict");
}

TEST(TorchPickle, RefusesAForeignPersistentId) {
  expect_refused("Pstorage\n.", "PERSID");
  expect_refused("(S'module'\nctorch\nFloatStorage\nS'7'\nS'cpu'\nI6\ntQ.", "wanted ('storage'");
  expect_refused("(S'storage'\nS'os'\nS'7'\nS'cpu'\nI6\ntQ.", "wanted ('storage'");
  expect_refused("(S'storage'\nctorch\nFloatStorage\nS'7'\nS'cpu'\nI-1\ntQ.", "wanted ('storage'");
  expect_refused("NQ.", "wanted ('storage'");
  expect_refused(kStorage + ".", "is a storage without a tensor");
}

TEST(TorchPickle, RefusesTensorsOfWrongArguments) {
  expect_refused(tensor("I0\n(I2\nt") + ".", "it has 3 arguments, wanted 4");
  expect_refused(tensor("I0\n(Fnan\nt(I1\nt") + ".", "an argument is no whole number");
  expect_refused(tensor("I0\n(I01\nt(I1\nt") + ".", "an argument is no whole number");
  expect_refused(tensor("I0\n(L9223372036854775808L\nt(I1\nt") + ".", "does not fit in 64 bits");
  expect_refused(tensor("I0\nI2\n(I1\nt") + ".", "neither tuple nor list");
  std::string sides = "(";
  for (int i = 0; i < 65; ++i) sides += "I1\n";
  expect_refused(tensor("I0\n" + sides + "t(I1\nt") + ".", "it has 65 sides");
  expect_refused(tensor("I0\n)"
                        ")I00\nN(dS'conj'\nI01\ns") +
                     ".",
                 "its metadata are not read");
}

TEST(TorchPickle, BoundsNestingCyclesAndBombs) {
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "cargparse\nNamespace\n)\x81}S'a'\n";
  for (int i = 0; i < 300; ++i) deep += i == 0 ? "Nsb" : "sb";
  expect_refused(deep + ".", "nested deeper than 200");
  expect_refused("cargparse\nNamespace\n)\x81p0\n(dS'me'\ng0\nsb.", "contains itself");
  std::string bomb = "]q";  // each list holds the one before ten times
  bomb += '\0';
  for (char i = 1; i < 12; ++i) {
    bomb += "0](";
    for (int j = 0; j < 10; ++j) bomb += std::string("h") + static_cast<char>(i - 1);
    bomb += std::string("eq") + i;
  }
  expect_refused(bomb + ".", "reference bomb");
  std::string copies = "(d";  // one dict copied into objects again and again
  for (int i = 0; i < 4000; ++i) copies += "I" + std::to_string(i) + "\nNs";
  copies += "p0\n0]";
  for (int i = 0; i < 400; ++i) copies += "cargparse\nNamespace\n)Rg0\nba";
  expect_refused(copies + ".", "reference bomb");
  std::string names = "(dS'" + std::string(2000, 'n') + "'\n(l";
  for (int i = 0; i < 100; ++i) names += "Na";
  expect_refused(names + "s.", "names in it written out are more than 65536 bytes");
}

TEST(TorchPickle, RefusesTwoTensorsOfOneName) {
  expect_refused("(dS'a.b'\n" + kTensor + "sS'a'\n(dS'b'\n" + kTensor + "ss.",
                 "two tensors are called 'a.b'");
}

TEST(TorchPickle, LeavesLongTextsOut) {
  EXPECT_THAT(values("S'" + std::string(300, 'x') + "'\n."), IsEmpty());
}

}  // namespace
}  // namespace pcnet::weights
