#include "pcnet/core/kept_file.h"

#include <utility>

#include <unistd.h>

#include "pcnet/core/mapped_file.h"
#include "pcnet/core/output_path.h"

#include "replacement.h"
#include "system_call.h"

namespace pcnet::core {

namespace fs = std::filesystem;

KeptFile::KeptFile(const fs::path& file, const fs::path& kept_as)
    : kept_as_(follow_links(kept_as)) {
  if (!fs::exists(file)) return;
  const fs::path link = temporary_name(kept_as_);
  ::unlink(link.c_str());  // a process of the same number may have left it
  if (::link(follow_links(file).c_str(), link.c_str()) == 0) {
    link_ = link;
    return;
  }
  copy_ = std::make_unique<AtomicFile>(kept_as_);
  copy_->write(MappedFile(file).bytes());
}

KeptFile::~KeptFile() {
  if (!link_.empty()) ::unlink(link_.c_str());
}

void KeptFile::commit() {
  if (copy_) copy_->commit();
  copy_.reset();
  if (link_.empty()) return;
  if (::rename(link_.c_str(), kept_as_.c_str()) != 0) {
    fail("cannot write", kept_as_);
  }
  // Two names of one file: rename then does nothing and leaves both.
  ::unlink(std::exchange(link_, {}).c_str());
  sync_folder(kept_as_.parent_path());
}

}  // namespace pcnet::core
