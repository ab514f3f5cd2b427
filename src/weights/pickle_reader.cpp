#include "pcnet/weights/pickle.h"

#include "pickle_machine.h"

namespace pcnet::weights {

PickleValue read_pickle(std::string_view bytes, std::string_view name) {
  return PickleMachine(bytes, name).read();
}

}  // namespace pcnet::weights
