#include "pcnet/config/referring_options.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::config {

namespace {

struct Validator {
  const ReferringOptions& options;

  template <class Value>
  void operator()(std::string_view key, Value ReferringOptions::*member, const FieldInfo& info) {
    const Value& value = options.*member;
    if constexpr (std::is_same_v<Value, std::string>) {
      if (std::find(info.choices.begin(), info.choices.end(), value) == info.choices.end()) {
        const std::vector<std::string> choices(info.choices.begin(), info.choices.end());
        throw core::ConfigError(core::cat("referring option ", key, ": got \"", value,
                                          "\", wanted one of ", core::join(choices, ", ")));
      }
    } else if constexpr (!std::is_same_v<Value, bool>) {
      const auto number = static_cast<double>(value);
      if (!(number >= info.min && number <= info.max)) {
        throw core::ConfigError(core::cat("referring option ", key, ": got ", value, ", wanted ",
                                          info.min, " to ", info.max));
      }
    }
  }
};

}  // namespace

void validate(const ReferringOptions& options) { ReferringOptions::fields(Validator{options}); }

}  // namespace pcnet::config
