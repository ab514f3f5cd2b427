#include "pcnet/core/files.h"
#include "pcnet/core/line_file.h"
#include "pcnet/data/proposals/proposal_formats.h"

#include "fuzz.h"
#include "tests/support/temporary_folder.h"

/// What a killed `proposals make` left: its whole lines stay, a torn one goes when work goes on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  static const support::TemporaryFolder folder;
  const auto path = folder / "proposals.jsonl.partial";
  return fuzz::run(data, size, [&](std::string_view left) {
    core::write_file_plain(path, left);
    std::string kept;
    {
      core::LineFile file(path);
      kept = file.read();
      fuzz::require(left.starts_with(kept) && (kept.empty() || kept.ends_with('\n')));
      fuzz::require(left.find('\n', kept.size()) == std::string_view::npos);
      file.append("{}");
    }
    fuzz::require(core::read_file(path) == kept + "{}\n");
    for (const auto& [image_id, span] : data::index_proposal_lines(kept, "fuzz.partial")) {
      (void)data::parse_proposal_line(std::string_view(kept).substr(span.begin, span.size),
                                      "fuzz.partial");
    }
  });
}
