#include "pcnet/core/process_end.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>

/// LeakSanitizer's, in a program that has it: it would look when static destructors are through.
extern "C" __attribute__((weak)) void __lsan_do_leak_check();  // NOLINT: that is its name

namespace pcnet::core {

void end_process(int exit_code) {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  if (__lsan_do_leak_check != nullptr) __lsan_do_leak_check();  // ends the process if there are any
  std::_Exit(exit_code);
}

}  // namespace pcnet::core
