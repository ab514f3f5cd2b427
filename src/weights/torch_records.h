#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared_bytes.h"

namespace caffe2::serialize {
class PyTorchStreamReader;
}

namespace pcnet::weights {

/// The records of an archive of torch.save or TorchScript, by LibTorch's own reader. What it says
/// about a damaged archive is an Error; beyond that, no record may leave the file or claim to
/// unpack to far more than the file holds.
class TorchRecords {
 public:
  /// @param name names the file in errors
  TorchRecords(const SharedBytes& file, std::string_view name);
  ~TorchRecords();

  /// Their names, without the archive's folder, which holds them all.
  const std::vector<std::string>& names() const { return names_; }
  bool has(const std::string& record) const;
  /// Its bytes, unpacked.
  std::string read(const std::string& record);

  /// Where a record's bytes lie in the file.
  struct Place {
    std::uint64_t begin = 0;
    std::uint64_t size = 0;
    bool packed = false;  ///< compressed: not its bytes
  };
  Place find(const std::string& record);

 private:
  [[noreturn]] void fail(const std::string& what) const;
  /// What `ask` gives; what LibTorch throws, as an Error of one line.
  template <class Ask>
  auto guarded(Ask ask) const;

  SharedBytes file_;
  std::string name_;
  std::unique_ptr<caffe2::serialize::PyTorchStreamReader> reader_;
  std::vector<std::string> names_;
};

}  // namespace pcnet::weights
