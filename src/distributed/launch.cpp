#include <cstdlib>
#include <string>

#include "pcnet/core/format.h"
#include "pcnet/distributed/team.h"

namespace pcnet::distributed {

namespace {

int number(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? -1 : std::atoi(value);
}

}  // namespace

bool is_one_of_several() {
  // A single process that mpirun starts has nobody to pass messages to.
  for (const char* size : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"}) {
    if (number(size) > 0) return number(size) > 1;
  }
  const int copies = number("SLURM_STEP_NUM_TASKS");
  if (copies <= 1) return false;
  for (const char* rank : {"PMIX_RANK", "PMI_RANK"}) {
    if (number(rank) >= 0) return true;
  }
  throw core::UsageError(core::cat("srun started ", copies,
                                   " copies that cannot find each other: use srun --mpi=pmix, ",
                                   "or one task"));
}

int rank_in_environment() {
  for (const char* rank : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (number(rank) >= 0) return number(rank);
  }
  return 0;
}

std::shared_ptr<core::Communicator> communicator_for(Team* team, c10::Device device) {
  if (team == nullptr) return std::make_shared<core::Communicator>();
  if (device.is_cuda()) team->use_gpu(device.has_index() ? device.index() : 0);
  return team->communicator();
}

std::string name_of(int rank, int size, const std::string& host) {
  return core::cat("process ", rank, " of ", size, " (", host, ")");
}

}  // namespace pcnet::distributed
