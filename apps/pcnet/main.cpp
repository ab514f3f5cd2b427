#include "pcnet/core/process_end.h"
#include "pcnet/core/tensor_memory.h"

#include "program.h"

int main(int argc, char** argv) {
  (void)pcnet::core::reuse_tensor_memory();
  pcnet::core::end_process(pcnet::app::run_program(argc, argv));
}
