#pragma once

#include <memory>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "pcnet/core/communicator.h"
#include "pcnet/core/error.h"

namespace pcnet::distributed {

/// Whether mpirun or srun started this program as one of several processes, by what they leave in
/// the environment. UsageError for copies that srun started without a way to find each other.
bool is_one_of_several();
/// The number of this process by the environment, 0 where it does not say.
int rank_in_environment();

/// Whether this program can pass messages (PCNET_WITH_MPI), and between GPUs (NCCL).
bool can_pass_messages();
bool can_pass_messages_between_gpus();

/// Where a process runs.
struct Place {
  std::string host;
  int local_rank = 0;  ///< among the processes of its machine
  int local_size = 1;
  double cores = 0;    ///< its share of those that it may use
  bool bound = false;  ///< to fewer cores than the machine has
  int machine_cores = 0;
  int gpus = 0;          ///< that it was allowed when it was started
  int machine_gpus = 0;  ///< whoever may use them
};

/// The processes that were started together, from their start to their end.
class Team {
 public:
  /// Only of a program that is one of several. UsageError when this program has no MPI. Unless
  /// OMP_NUM_THREADS is set, it becomes the process's share of the cores.
  static std::unique_ptr<Team> start();
  virtual ~Team() = default;

  virtual const std::shared_ptr<core::Communicator>& communicator() const = 0;
  /// Has the operations on tensors of GPU `index` go from GPU to GPU. Error without NCCL.
  virtual void use_gpu(int index) = 0;
  /// By the number of the process.
  virtual const std::vector<Place>& places() const = 0;

  /// This process failed: sees to it that all end, one of them with a message. Where another one
  /// failed first, it becomes that one's. @return whether it is this one that says it
  virtual bool fail(std::string& message, int& exit_code) = 0;
  /// All is done; waits for the others.
  virtual void finish() = 0;
};

/// The way between the processes for work on `device`; that of a process alone for a null team.
std::shared_ptr<core::Communicator> communicator_for(Team* team, c10::Device device);

/// "process 1 of 3 (node7)"
std::string name_of(int rank, int size, const std::string& host);

}  // namespace pcnet::distributed
