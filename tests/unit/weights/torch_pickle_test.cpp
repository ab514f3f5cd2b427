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

TEST(TorchPickle, TakesATensorOfAClassOfItsOwn) {
  const std::string typed = "ctorch._tensor\n_rebuild_from_type_v2\n(";
  const std::string arguments = "cm\nTensor\n(" + kStorage + "I1\n(I2\nt(I2\ntI00\nNt(dtR.";
  const Flat read = flat(typed + "ctorch._utils\n_rebuild_tensor_v2\n" + arguments);
  ASSERT_EQ(read.tensors.size(), 1U);
  EXPECT_EQ(read.tensors[0].first, "tensor");
  EXPECT_THAT(flat(typed + "cm\nbuild\n" + arguments).opaque, ElementsAre(Pair("", "m.build")));
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
  EXPECT_THAT(values("ccopy_reg\n_reconstructor\n(cargparse\nNamespace\nc__builtin__\nobject\nNtR"
                     "(dS'lr'\nF0.5\nsb."),
              ElementsAre(Pair("lr", "0.5")));
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

TEST(TorchPickle, KeepsWhatAnyOtherNameMakesAsOpaque) {
  const auto type = [](const std::string& bytes) {
    const Flat read = flat(bytes);
    EXPECT_THAT(read.tensors, IsEmpty()) << bytes;
    EXPECT_THAT(read.values, IsEmpty()) << bytes;
    EXPECT_EQ(read.opaque.size(), 1U) << bytes;
    return read.opaque.empty() ? "" : read.opaque[0].second;
  };
  EXPECT_EQ(type("cos\nsystem\n(S'ls'\ntR."), "os.system");
  EXPECT_EQ(type("\x80\x04\x8c\x05posix\x8c\x06system\x93."), "posix.system");
  EXPECT_EQ(type("(S'ls'\nios\nsystem\n."), "os.system");
  EXPECT_EQ(type("(cpathlib\nPosixPath\nS'a'\no."), "pathlib.PosixPath");
  EXPECT_EQ(type("cm\nC\n)\x81."), "m.C");
  EXPECT_EQ(type("cm\nC\n)(dS'k'\nI1\ns\x92."), "m.C");
  EXPECT_EQ(type("\x82\x07)R."), "copyreg.extension 7");
  EXPECT_EQ(type("\x83\x07\x01)R."), "copyreg.extension 263");
  EXPECT_EQ(type("cbuiltins\ngetattr\n(cm\nC\nS'D'\ntR)R."), "builtins.getattr");
  EXPECT_EQ(type("ccopyreg\n_reconstructor\n(cm\nC\ncbuiltins\nobject\nNtR."), "m.C");
  EXPECT_EQ(type("ctorch\nload\n."), "torch.load");
  EXPECT_EQ(type("ctorch.storage\n_load_from_bytes\n(S'x'\ntR."), "torch.storage._load_from_bytes");
  EXPECT_EQ(type("\x8f."), "builtins.set");
  EXPECT_EQ(type("c__builtin__\nset\n((lI1\natR."), "builtins.set");
  EXPECT_EQ(type("\x8f(I1\nI2\n\x90."), "builtins.set");
  EXPECT_EQ(type("(I1\n\x91."), "builtins.frozenset");
  EXPECT_EQ(type(kStorage + "."), "a storage without a tensor");
}

TEST(TorchPickle, DropsWhatAnOpaqueValueIsMadeOf) {
  const auto types = [](const std::string& bytes) { return flat(bytes).opaque; };
  const Values one = {{"", "m.C"}};
  EXPECT_EQ(types("cm\nC\n)\x81(I1\nI2\ne."), one);  // a list's items
  EXPECT_EQ(types("cm\nC\n)\x81I1\na."), one);
  EXPECT_EQ(types("cm\nC\n)\x81(S'k'\nI1\nu."), one);  // a dict's
  EXPECT_EQ(types("cm\nC\n)\x81S'k'\nI1\ns."), one);
  EXPECT_EQ(types("cm\nC\n)\x81(dS'k'\nI1\nsb."), one);       // attributes
  EXPECT_EQ(types("cm\nC\n)\x81p0\n(dS'me'\ng0\nsb."), one);  // an object that knows itself
  EXPECT_THAT(types("ccollections\ndefaultdict\n(cbuiltins\nlist\ntR(S'k'\n(lI1\nau."),
              ElementsAre(Pair("", "collections.defaultdict")));
}

TEST(TorchPickle, NamesTheOpaqueValuesAndGoesOn) {
  const Flat read = flat("(dS'model'\n(dS'w'\n" + kTensor +
                         "ssS'root'\ncpathlib\nPosixPath\n(S'a'\ntRsS'epoch'\nI3\nsS'seen'\n"
                         "(l\x8f"
                         "aI7\nas.");
  ASSERT_EQ(read.tensors.size(), 1U);
  EXPECT_EQ(read.tensors[0].first, "model.w");
  EXPECT_THAT(read.values, ElementsAre(Pair("epoch", "3"), Pair("seen.1", "7")));
  EXPECT_THAT(read.opaque,
              ElementsAre(Pair("root", "pathlib.PosixPath"), Pair("seen.0", "builtins.set")));
  EXPECT_EQ(read.hidden_tensors, 0U);
}

TEST(TorchPickle, KeepsAnIntegerOfMoreThan64BitsAsOpaque) {
  // {"seed": 2 ** 64, "step": -2}, as random generators and hand-written code save them.
  const Flat read =
      flat("\x80\x02}(S'seed'\n\x8a\x09\0\0\0\0\0\0\0\0\x01S'step'\n\x8a\x01\xfeu."sv);
  EXPECT_THAT(read.opaque, ElementsAre(Pair("seed", "int of 9 bytes")));
  EXPECT_THAT(read.values, ElementsAre(Pair("step", "-2")));
}

TEST(TorchPickle, CountsTheTensorsWithinOpaqueValues) {
  const std::string other = kTensor + "p1\n";
  const std::string net = "cm\nNet\n)\x81(dS'w'\n" + kTensor + "sS'v'\n" + other + "sb";
  Flat read = flat("(dS'net'\n" + net + "s.");
  EXPECT_THAT(read.tensors, IsEmpty());
  EXPECT_EQ(read.hidden_tensors, 2U);
  // One of them stands in the open as well: as such it is read.
  read = flat("(dS'net'\n" + net + "sS'v'\ng1\ns.");
  ASSERT_EQ(read.tensors.size(), 1U);
  EXPECT_EQ(read.tensors[0].first, "v");
  EXPECT_EQ(read.hidden_tensors, 1U);
}

TEST(TorchPickle, LeavesOutAnEntryWhoseKeyHasNoName) {
  const Flat read = flat("(dS'a'\n(dcpathlib\nPosixPath\n(S'x'\ntR" + kTensor +
                         "s(I1\n(I2\nttNsC\x01x"
                         "Nss.");
  EXPECT_THAT(read.tensors, IsEmpty());
  EXPECT_EQ(read.hidden_tensors, 1U);
  EXPECT_THAT(read.opaque,
              ElementsAre(Pair("a", "an entry under a key of type pathlib.PosixPath"),
                          Pair("a", "an entry under a key of type bytes, tuple or tensor"),
                          Pair("a", "an entry under a key of type bytes, tuple or tensor")));
}

TEST(TorchPickle, TellsShapeAndTypeOfAnArray) {
  const auto array = [](const std::string& dtype) {
    return flat(
               "cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\n"
               "I3\nt" +
               dtype + "I00\nS'bytes'\ntb.")
        .opaque;
  };
  const std::string f4 = "cnumpy\ndtype\n(S'f4'\nI00\nI01\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb";
  EXPECT_THAT(array(f4), ElementsAre(Pair("", "numpy.ndarray f4 [2, 3]")));
  const std::string big = "cnumpy\ndtype\n(S'i8'\nI00\nI01\ntR(I3\nS'>'\nNNNI-1\nI-1\nI0\ntb";
  EXPECT_THAT(array(big), ElementsAre(Pair("", "numpy.ndarray >i8 [2, 3]")));
  EXPECT_THAT(array("N"), ElementsAre(Pair("", "numpy.ndarray")));
  EXPECT_THAT(
      flat("cnumpy._core.numeric\n_frombuffer\n(S'bytes'\n" + f4 + "(I4\ntS'C'\ntR.").opaque,
      ElementsAre(Pair("", "numpy.ndarray f4 [4]")));
  const std::string own = "cnumpy\ndtype\n(cm\nT\nI00\nI01\ntR(I3\nS'>'\nNNNI-1\nI-1\nI0\ntb";
  EXPECT_THAT(array(own), ElementsAre(Pair("", "numpy.ndarray m.T [2, 3]")));
  // Numbers of a type that is none of C's, or in the other order of bytes.
  for (const char* type : {"c8", "M8"}) {
    const std::string scalar = std::string("cnumpy._core.multiarray\nscalar\n(cnumpy\ndtype\n(S'") +
                               type +
                               "'\nI00\nI01\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbC\x08"
                               "12345678tR.";
    EXPECT_THAT(flat(scalar).opaque,
                ElementsAre(Pair("", std::string("a number of numpy.") + type)));
  }
  EXPECT_THAT(flat("cnumpy._core.multiarray\nscalar\n(" + big +
                   "C\x08"
                   "12345678tR.")
                  .opaque,
              ElementsAre(Pair("", "a number of numpy.>i8")));
}

TEST(TorchPickle, ShowsAForeignNameOnOneShortLine) {
  EXPECT_THAT(flat("c" + std::string(70, 'm') + "\n" + std::string(5000, 'x') + "\n.").opaque,
              ElementsAre(Pair("", std::string(70, 'm') + "." + std::string(29, 'x'))));
  EXPECT_THAT(flat("\x80\x04\x8c\x03"
                   "a\nb\x8c\x02"
                   "\x1b[\x93."sv)
                  .opaque,
              ElementsAre(Pair("", "a?b.?[")));
  EXPECT_THAT(flat("cm\n\xe9\n."sv).opaque, ElementsAre(Pair("", "m.\u00e9")));
}

TEST(TorchPickle, RefusesAnOpaqueValueWhereATensorNeedsAnother) {
  const std::string path = "cpathlib\nPosixPath\n(S'x'\ntR";
  expect_refused("ctorch._utils\n_rebuild_tensor_v2\n(" + path + "I0\n(I2\nt(I1\nttR.",
                 "_rebuild_tensor_v2: an argument is no storage but pathlib.PosixPath");
  expect_refused(tensor("I0\n(" + path + "t(I1\nt") + ".",
                 "an argument is no whole number but pathlib.PosixPath");
  expect_refused(tensor("I0\n" + path + "(I1\nt") + ".",
                 "an argument is no tuple or list but pathlib.PosixPath");
  expect_refused("ctorch._utils\n_rebuild_parameter\n(" + path + "I01\nNtR.",
                 "an argument is no tensor");
  expect_refused("(S'storage'\nctorch\nComplexFloatStorage\nS'7'\nS'cpu'\nI6\ntQ.",
                 "a storage is of type torch.ComplexFloatStorage, which is not read");
  expect_refused("(S'storage'\n" + path + "S'7'\nS'cpu'\nI6\ntQ.", "wanted ('storage'");
}

TEST(TorchPickle, RefusesBuffersFromOutsideOfTheStream) {
  for (const char code : {'\x97', '\x98'}) {
    expect_refused(std::string("N") + code + ".", "would import or call");
  }
}

TEST(TorchPickle, RefusesCallsOfWhatIsNoBuilder) {
  expect_refused("S'os.system'\n(S'ls'\ntR.", "it calls something that is no imported name");
  expect_refused("ctorch\nfloat32\n)R.", "torch.float32: a type is called");
  expect_refused("ctorch\nFloatStorage\n)R.", "a type is called");
  expect_refused("cargparse\nNamespace\n(I1\ntR.", "it has 1 arguments, wanted none");
  expect_refused("(o.", "it calls something that is no imported name");
  expect_refused("ctorch\nSize\nI1\nR.", "its arguments are no tuple");
  expect_refused("N(I1\n\x90.", "there is no set to add to");
  expect_refused("(l(db.", "it sets attributes of what has none");
  expect_refused("cargparse\nNamespace\n)RI1\nb.", "state is no dict");
}

TEST(TorchPickle, RefusesAForeignPersistentId) {
  expect_refused("Pstorage\n.", "PERSID");
  expect_refused("(S'module'\nctorch\nFloatStorage\nS'7'\nS'cpu'\nI6\ntQ.", "wanted ('storage'");
  expect_refused("(S'storage'\nS'os'\nS'7'\nS'cpu'\nI6\ntQ.", "wanted ('storage'");
  expect_refused("(S'storage'\nctorch\nFloatStorage\nS'7'\nS'cpu'\nI-1\ntQ.", "wanted ('storage'");
  expect_refused("NQ.", "wanted ('storage'");
}

TEST(TorchPickle, RefusesTensorsOfWrongArguments) {
  expect_refused(tensor("I0\n(I2\nt") + ".", "it has 3 arguments, wanted 4");
  expect_refused(tensor("I0\n(Fnan\nt(I1\nt") + ".", "an argument is no whole number");
  expect_refused(tensor("I0\n(I01\nt(I1\nt") + ".", "an argument is no whole number");
  expect_refused(tensor("I0\n(L9223372036854775808L\nt(I1\nt") + ".", "does not fit in 64 bits");
  expect_refused(tensor("I0\nI2\n(I1\nt") + ".", "an argument is no tuple or list");
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
  std::string made = "]";  // an object of 1 byte, in its place again and again
  for (int i = 0; i < 2000; ++i)
    made +=
        "\x8f"
        "a";
  expect_refused("(dS'" + std::string(50, 'n') + "'\n" + made + "s.",
                 "names in it written out are");
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
