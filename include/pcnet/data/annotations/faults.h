#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pcnet::data {

/// One thing that is wrong with a dataset.
struct Fault {
  std::string kind;   ///< the same words for the same fault: "duplicate id", "missing picture"
  std::string where;  ///< what finds it: "ref_id 12", "image_id 7", "cues.jsonl:4"
  std::string what;   ///< got and wanted
};

/// What is wrong with a dataset, in the order found. A reader that is given one leaves faulty
/// entries out and goes on; without one its first fault is an Error.
class Faults {
 public:
  void add(Fault fault) { all_.push_back(std::move(fault)); }
  const std::vector<Fault>& all() const { return all_; }
  bool empty() const { return all_.empty(); }

 private:
  std::vector<Fault> all_;
};

}  // namespace pcnet::data
