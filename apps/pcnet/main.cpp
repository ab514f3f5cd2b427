#include "pcnet/core/process_end.h"

#include "program.h"

int main(int argc, char** argv) { pcnet::core::end_process(pcnet::app::run_program(argc, argv)); }
