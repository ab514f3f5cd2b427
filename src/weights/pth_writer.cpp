#include <set>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/weights/weight_file.h"

#include "mapped_tensor.h"
#include "pickle_opcodes.h"
#include "pickle_text.h"
#include "safetensors_types.h"
#include "zip_writer.h"

namespace pcnet::weights {

namespace {

using core::cat;
using core::Error;

std::string_view storage_name(const std::string& name, c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::Double:
      return "DoubleStorage";
    case c10::ScalarType::Float:
      return "FloatStorage";
    case c10::ScalarType::Half:
      return "HalfStorage";
    case c10::ScalarType::BFloat16:
      return "BFloat16Storage";
    case c10::ScalarType::Long:
      return "LongStorage";
    case c10::ScalarType::Int:
      return "IntStorage";
    case c10::ScalarType::Short:
      return "ShortStorage";
    case c10::ScalarType::Char:
      return "CharStorage";
    case c10::ScalarType::Byte:
      return "ByteStorage";
    case c10::ScalarType::Bool:
      return "BoolStorage";
    default:
      throw Error(cat("tensor '", name, "' has the type ", c10::toString(type), ", wanted one of ",
                      kSafetensorsTypeNames));
  }
}

void check(const TensorFile& file, const PthLayout& layout) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : file.tensors) {
    if (!tensor.defined()) throw Error(cat("tensor '", name, "' is undefined"));
    if (!is_utf8(name)) throw Error("a tensor's name is not UTF-8");
    if (!names.insert(name).second) throw Error(cat("two tensors are called '", name, "'"));
  }
  if (layout.key.empty() && (!layout.numbers.empty() || !layout.empty.empty())) {
    throw Error("entries beside the tensors need a key for the tensors");
  }
}

/// Writes the pickle that torch.load reads: protocol 2, each tensor with a storage of its own.
class PicklePen {
 public:
  explicit PicklePen(c10::ScalarType floats) : floats_(floats) {}

  std::string write(const TensorFile& file, const PthLayout& layout) && {
    op(PickleOp::kProto);
    number(2, 1);
    if (layout.key.empty()) {
      tensors(file);
    } else {
      op(PickleOp::kEmptyDict);
      op(PickleOp::kMark);
      text(layout.key);
      tensors(file);
      for (const auto& [key, value] : layout.numbers) {
        text(key);
        integer(value);
      }
      for (const auto& key : layout.empty) {
        text(key);
        op(PickleOp::kEmptyDict);
      }
      op(PickleOp::kSetItems);
    }
    op(PickleOp::kStop);
    return std::move(out_);
  }

 private:
  void op(PickleOp code) { out_.push_back(static_cast<char>(code)); }

  void number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  }

  void integer(std::int64_t value) {
    op(PickleOp::kLong1);
    number(8, 1);
    number(static_cast<std::uint64_t>(value), 8);
  }

  void text(std::string_view value) {
    op(PickleOp::kBinUnicode);
    number(value.size(), 4);
    out_ += value;
  }

  void global(std::string_view module, std::string_view name) {
    op(PickleOp::kGlobal);
    out_ += cat(module, "\n", name, "\n");
  }

  void ordered_dict() {
    global("collections", "OrderedDict");
    op(PickleOp::kEmptyTuple);
    op(PickleOp::kReduce);
  }

  void sides(at::IntArrayRef values) {
    op(PickleOp::kMark);
    for (const std::int64_t value : values) integer(value);
    op(PickleOp::kTuple);
  }

  void tensors(const TensorFile& file) {
    ordered_dict();
    op(PickleOp::kMark);
    for (std::size_t i = 0; i < file.tensors.size(); ++i) {
      text(file.tensors[i].first);
      tensor(file.tensors[i].first, file.tensors[i].second, i);
    }
    op(PickleOp::kSetItems);
  }

  void tensor(const std::string& name, const at::Tensor& tensor, std::size_t index) {
    global("torch._utils", "_rebuild_tensor_v2");
    op(PickleOp::kMark);
    op(PickleOp::kMark);
    text("storage");
    global("torch", storage_name(name, written_type(tensor, floats_)));
    text(cat(index));
    text("cpu");
    integer(tensor.numel());
    op(PickleOp::kTuple);
    op(PickleOp::kBinPersId);
    integer(0);
    sides(tensor.sizes());
    sides(c_order(tensor.sizes()));
    op(PickleOp::kNewFalse);
    ordered_dict();
    op(PickleOp::kTuple);
    op(PickleOp::kReduce);
  }

  c10::ScalarType floats_;
  std::string out_;
};

}  // namespace

std::uint64_t write_pth(const std::filesystem::path& path, const TensorFile& file,
                        const PthLayout& layout, const WriteOptions& options) {
  try {
    check(file, layout);
    const std::string pickle = PicklePen(options.floats).write(file, layout);
    core::AtomicFile out(path);
    ZipWriter zip(out);
    zip.add("archive/data.pkl", pickle);
    zip.add("archive/byteorder", "little");
    std::uint64_t written = 0;
    for (std::size_t i = 0; i < file.tensors.size(); ++i) {
      const auto& item = file.tensors[i];
      zip.start(cat("archive/data/", i), written_bytes(item.second, options.floats));
      write_tensor(item, options, written, [&](std::string_view bytes) { zip.append(bytes); });
    }
    zip.add("archive/version", "3\n");
    zip.finish();
    out.commit();
    return out.bytes();
  } catch (const Error& error) {
    throw Error(cat("cannot write the weight file ", path.string(), ": ", error.what()));
  }
}

}  // namespace pcnet::weights
