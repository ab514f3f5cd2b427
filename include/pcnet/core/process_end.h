#pragma once

namespace pcnet::core {

/// Ends the process with its streams flushed, but without the destructors of what is static:
/// LibTorch's take 0.1 s. A build with LeakSanitizer looks for leaks first.
[[noreturn]] void end_process(int exit_code);

}  // namespace pcnet::core
