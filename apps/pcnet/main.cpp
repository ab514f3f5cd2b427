#include <iostream>

#include "command.h"

int main() {
  std::cout << "pcnet " << PCNET_VERSION << "\n";
  return 0;
}
