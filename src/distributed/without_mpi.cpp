// In the place of mpi_team.cpp where PCNET_WITH_MPI is off.
#include "pcnet/distributed/team.h"

namespace pcnet::distributed {

bool can_pass_messages() { return false; }

std::unique_ptr<Team> Team::start() {
  throw core::UsageError(
      "started as one of several processes, but this program is built without MPI "
      "(PCNET_WITH_MPI): start it alone, or build it where MPI is installed (Debian: "
      "libopenmpi-dev)");
}

}  // namespace pcnet::distributed
