#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <mpi.h>
#include <nlohmann/json.hpp>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/machine.h"
#include "pcnet/core/signals.h"
#include "pcnet/distributed/lifeline.h"
#include "pcnet/distributed/team.h"

#include "mpi_communicator.h"
#include "nccl_communicator.h"

namespace pcnet::distributed {

using core::cat;
using nlohmann::json;

namespace {

constexpr const char* kVisible = "CUDA_VISIBLE_DEVICES";
constexpr double kStartSeconds = 60;
constexpr double kEndSeconds = 600;  // for process 0 to save
constexpr std::chrono::milliseconds kLook{100};

std::string own_host() {
  std::string name(MPI_MAX_PROCESSOR_NAME, '\0');
  int length = 0;
  MPI_Get_processor_name(name.data(), &length);
  return name.substr(0, static_cast<std::size_t>(length));
}

/// GPUs of the machine, whoever may use them.
int machine_gpus() {
  std::error_code none;
  const std::filesystem::directory_iterator all("/proc/driver/nvidia/gpus", none);
  return static_cast<int>(std::distance(all, std::filesystem::directory_iterator()));
}

/// The names by which CUDA's library knows the GPUs that may be used.
std::vector<std::string> visible_gpus() {
  std::vector<std::string> names;
  if (const char* chosen = std::getenv(kVisible)) {
    std::istringstream list(chosen);
    for (std::string name; std::getline(list, name, ',');) names.push_back(name);
    return names;
  }
  for (int i = 0; i < machine_gpus(); ++i) names.push_back(cat(i));
  return names;
}

/// The n-th process of a machine gets the n-th of several, which then is cuda:0 for all that it
/// does.
void choose_gpu(const std::vector<std::string>& gpus) {
  for (const char* name : {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"}) {
    const char* value = std::getenv(name);
    if (value == nullptr) continue;
    const auto place = static_cast<std::size_t>(std::atoi(value));
    if (gpus.size() < 2 || place >= gpus.size()) return;
    (void)::setenv(kVisible, gpus[place].c_str(), /*overwrite=*/1);
    return;
  }
}

/// What a process says of itself.
json introduction(const std::vector<std::string>& gpus) {
  const core::ProcessorInfo processor = core::processor_info();
  return {{"host", own_host()},  {"cores", core::allowed_cores()}, {"quota", core::usable_cores()},
          {"gpus", gpus.size()}, {"machine_gpus", machine_gpus()}, {"machine", processor.cores}};
}

/// Each core counts for a process with its share of those that may run there.
std::vector<Place> places_of(const std::vector<std::string>& said) {
  std::vector<json> all;
  for (const auto& text : said) all.push_back(core::parse_json<json>(text));
  std::vector<Place> places;
  for (const auto& own : all) {
    Place place{.host = own.at("host"),
                .machine_cores = own.at("machine"),
                .gpus = own.at("gpus"),
                .machine_gpus = own.at("machine_gpus")};
    place.local_size = 0;
    const std::vector<int> cores = own.at("cores");
    std::vector<int> users(cores.size(), 0);
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      if (all[rank].at("host") != own.at("host")) continue;
      if (rank < places.size()) ++place.local_rank;
      ++place.local_size;
      const std::vector<int> theirs = all[rank].at("cores");
      for (std::size_t i = 0; i < cores.size(); ++i) {
        users[i] += std::binary_search(theirs.begin(), theirs.end(), cores[i]) ? 1 : 0;
      }
    }
    for (const int count : users) place.cores += 1.0 / std::max(count, 1);
    const double quota = own.at("quota").get<double>();
    // A quota below the affinity is the container's, which its processes share.
    if (quota < static_cast<double>(cores.size())) {
      place.cores = std::min(place.cores, quota / place.local_size);
    }
    place.bound = static_cast<int>(cores.size()) < place.machine_cores;
    places.push_back(place);
  }
  return places;
}

class MpiTeam : public Team {
 public:
  MpiTeam() {
    const auto gpus = visible_gpus();
    choose_gpu(gpus);  // before CUDA starts, which a message passing of GPUs does with it
    int provided = 0;
    if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS ||
        provided < MPI_THREAD_SERIALIZED) {
      throw core::Error("MPI does not start, or serves one thread alone");
    }
    hosts_ = std::make_shared<MpiCommunicator>(MPI_COMM_WORLD, [this] { look_after(); });
    communicator_ = hosts_;
    if (size() == 1) {
      throw core::UsageError(
          "started as one of several processes, but by another MPI than this program is built "
          "with: MPI finds one process alone");
    }
    places_ = places_of(hosts_->all_gather(core::json_text(introduction(gpus))));
    connect();
    share_cores();
    watcher_ = std::jthread([this](const std::stop_token& stop) {
      for (; !stop.stop_requested(); std::this_thread::sleep_for(kLook)) {
        if (!failure()) continue;
        core::stop_by(SIGTERM);  // long work of this process alone ends, too
        return;
      }
    });
  }

  ~MpiTeam() override {
    communicator_.reset();  // it looks at the line
    watcher_ = {};
  }
  MpiTeam(const MpiTeam&) = delete;
  MpiTeam& operator=(const MpiTeam&) = delete;

  const std::shared_ptr<core::Communicator>& communicator() const override { return communicator_; }
  const std::vector<Place>& places() const override { return places_; }

  void use_gpu(int index) override {
    const Place& own = places_[static_cast<std::size_t>(rank())];
    // One alone was given to each by who started them, where the machine has enough.
    const int all = own.gpus == 1 ? own.machine_gpus : own.gpus;
    if (own.local_size > all) {
      throw core::UsageError(cat(own.local_size, " processes on ", own.host, " for ", all,
                                 all == 1 ? " GPU" : " GPUs",
                                 ": wanted one for each; start fewer, or use --device cpu"));
    }
    communicator_ = between_gpus(hosts_, index, [this] { return failure().has_value(); });
  }

  bool fail(std::string& message, int& exit_code) override {
    if (!line_) return true;
    const auto before = failure();
    watcher_ = {};
    if (before && !was_stopped(*before)) {  // what this process says comes of that
      message = text_of(*before);
      exit_code = before->exit_code;
    }
    const Lifeline::Failure own{.rank = rank(), .message = message, .exit_code = exit_code};
    const std::lock_guard lock(line_mutex_);
    if (rank() == 0) {
      line_->end_all(own);
      return true;
    }
    // Process 0 speaks for all; where it is gone, process 1.
    if (before) return before->died && before->rank == 0 && rank() == 1;
    return !line_->tell(own, kEndSeconds);
  }

  void finish() override {
    hosts_->barrier();
    watcher_ = {};
    if (line_) line_->leave();
    communicator_.reset();
    MPI_Finalize();
  }

 private:
  int rank() const { return hosts_->rank(); }
  int size() const { return hosts_->size(); }

  void connect() {
    const bool everywhere = std::any_of(places_.begin(), places_.end(), [&](const Place& place) {
      return place.host != places_.front().host;
    });
    std::optional<Lifeline> line;
    if (rank() == 0) line.emplace(Lifeline::lead(size(), everywhere));
    const std::string address = hosts_->all_gather(line ? line->address() : std::string()).front();
    if (rank() == 0) {
      line->accept_all(kStartSeconds);
    } else {
      line.emplace(Lifeline::join(rank(), address));
    }
    line_.emplace(std::move(*line));
    hosts_->barrier();
  }

  /// Threads: the share of the cores.
  void share_cores() const {
    const Place& own = places_[static_cast<std::size_t>(rank())];
    const int threads = std::max(1, static_cast<int>(std::floor(own.cores + 1e-9)));
    (void)::setenv("OMP_NUM_THREADS", cat(threads).c_str(), /*overwrite=*/0);
  }

  std::optional<Lifeline::Failure> failure() {
    const std::lock_guard lock(line_mutex_);
    return line_ ? line_->failure() : std::nullopt;
  }

  static bool was_stopped(const Lifeline::Failure& failure) {
    return failure.exit_code == 128 + SIGTERM || failure.exit_code == 128 + SIGINT;
  }

  /// With the name of the one that failed; process 0 has put it there already.
  std::string text_of(const Lifeline::Failure& failure) const {
    if (failure.rank == 0 && !failure.died) return failure.message;
    const std::string name =
        name_of(failure.rank, size(), places_[static_cast<std::size_t>(failure.rank)].host);
    if (!failure.died) return cat(name, ": ", failure.message);
    return cat(name, " died: it was killed, or its machine ran out of memory or is gone");
  }

  void look_after() {
    const auto failure = this->failure();
    if (!failure) return;
    if (was_stopped(*failure)) {
      const int signal = failure->exit_code - 128;
      core::stop_by(signal);
      throw core::Interrupted(failure->message, signal);
    }
    throw core::PeerFailure(text_of(*failure), failure->exit_code,
                            /*takes_over=*/failure->died && failure->rank == 0 && rank() == 1);
  }

  std::shared_ptr<MpiCommunicator> hosts_;
  std::shared_ptr<core::Communicator> communicator_;
  std::vector<Place> places_;
  std::optional<Lifeline> line_;
  std::mutex line_mutex_;  // watchers look, too
  std::jthread watcher_;
};

}  // namespace

bool can_pass_messages() { return true; }

std::unique_ptr<Team> Team::start() { return std::make_unique<MpiTeam>(); }

}  // namespace pcnet::distributed
