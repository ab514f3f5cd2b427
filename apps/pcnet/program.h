#pragma once

namespace pcnet::app {

/// The program: parses, runs one command and turns whatever is thrown into a message. Does not
/// throw. @return the exit code
int run_program(int argc, char** argv);

}  // namespace pcnet::app
