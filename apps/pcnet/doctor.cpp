#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <gnu/libc-version.h>
#include <nlohmann/json.hpp>
#include <torch/cuda.h>
#include <torch/version.h>

#include "pcnet/core/barriers.h"
#include "pcnet/core/communicator.h"
#include "pcnet/core/device.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/machine.h"
#include "pcnet/core/parallel.h"
#include "pcnet/core/version.h"
#include "pcnet/cues/llm/language_model.h"
#include "pcnet/distributed/team.h"

#include "command.h"

namespace pcnet::app {

namespace {

namespace fs = std::filesystem;
using core::cat;
using core::human_bytes;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kGib = std::uint64_t{1} << 30U;
constexpr std::uint64_t kLittleMemory = 4 * kGib;
constexpr std::uint64_t kLittleDisk = 2 * kGib;

struct Gpu {
  std::uint64_t total = 0;  // bytes
  std::uint64_t free = 0;
};

struct Examination {
  core::ProcessorInfo processor = core::processor_info();
  core::MemoryInfo memory = core::memory_info();
  int threads = 0;
  std::string omp_threads;  // OMP_NUM_THREADS, empty when unset
  core::BarrierWaiting waiting;
  bool cuda_built = false;
  std::vector<Gpu> gpus;
  std::vector<std::string> gpu_names;  // by the driver, in its order
  std::string driver;                  // empty: no driver
  std::string device;                  // what --device comes to
  fs::path work = fs::current_path();
  fs::path temporary = fs::temp_directory_path();
  std::uint64_t work_free = core::free_bytes(work);
  std::uint64_t temporary_free = core::free_bytes(temporary);
};

bool optimised_build() {
#ifdef NDEBUG
  return true;
#else
  return false;
#endif
}

std::string value_after_colon(const fs::path& file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(':');
    if (!line.starts_with(name) || colon == std::string::npos) continue;
    const std::size_t start = line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

/// Names and driver from the kernel, which a LibTorch without CUDA cannot tell.
void ask_driver(Examination& found) {
  found.driver = value_after_colon("/proc/driver/nvidia/version", "NVRM version");
  std::error_code none;
  for (const auto& gpu : fs::directory_iterator("/proc/driver/nvidia/gpus", none)) {
    found.gpu_names.push_back(value_after_colon(gpu.path() / "information", "Model"));
  }
}

void ask_cuda(Examination& found) {
  found.cuda_built = at::Context::hasCUDART();
  if (!torch::cuda::is_available()) return;
  const auto count = static_cast<c10::DeviceIndex>(torch::cuda::device_count());
  for (c10::DeviceIndex i = 0; i < count; ++i) {
    const auto [free, total] = at::accelerator::getMemoryInfo(i);
    found.gpus.push_back({total, free});
  }
}

Examination examine(const GlobalOptions& globals) {
  Examination found;
  found.device = core::parse_device(globals.device.empty() ? "auto" : globals.device).str();
  core::set_threads(std::max(globals.threads, 0));
  found.threads = at::get_num_threads();
  if (const char* omp = std::getenv("OMP_NUM_THREADS")) found.omp_threads = omp;
  found.waiting = core::barrier_waiting();
  ask_driver(found);
  ask_cuda(found);
  return found;
}

/// What decides how threads wait at barriers.
std::string waiting_text(const core::BarrierWaiting& waiting) {
  if (waiting.watched) return "threads spin at barriers while cores are free, else they sleep";
  std::vector<std::string> chosen;
  if (!waiting.spin_count.empty()) chosen.push_back("GOMP_SPINCOUNT=" + waiting.spin_count);
  if (!waiting.wait_policy.empty()) chosen.push_back("OMP_WAIT_POLICY=" + waiting.wait_policy);
  if (waiting.library == "other") chosen.push_back("LibTorch's OpenMP library is not libgomp");
  return core::join(chosen, ", ");
}

void find_processor_faults(const Examination& found, std::vector<std::string>& out) {
  const auto& processor = found.processor;
  if (found.gpus.empty()) {
    if (!found.cuda_built && !found.gpu_names.empty()) {
      out.push_back(
          "there is an NVIDIA GPU, but this LibTorch is built without CUDA: build pcnet "
          "against a CUDA LibTorch");
    } else {
      out.push_back("no CUDA device: a processor is slow for training at the paper's size");
    }
  }
  if (found.threads == 1) out.push_back("one thread: give more cores or --threads N");
  if (processor.usable_cores < processor.cores) {
    out.push_back(cat("only ", processor.usable_cores, " of ", processor.cores,
                      " cores may be used (affinity or the container's quota)"));
  }
  const int chosen = std::atoi(found.omp_threads.c_str());
  if (!found.omp_threads.empty() && chosen != found.threads) {
    const bool valid = chosen > 0 && chosen <= core::kMostThreads;
    out.push_back(cat("OMP_NUM_THREADS=", found.omp_threads, " is not used: ",
                      valid ? "--threads decides" : cat("wanted 1 to ", core::kMostThreads),
                      ", now ", found.threads));
  }
  const auto& policy = found.waiting.wait_policy;
  const bool sleeps = found.waiting.spin_count == "0" || policy == "passive" || policy == "PASSIVE";
  if (found.threads > 1 && !found.waiting.watched && !sleeps) {
    out.push_back(cat(waiting_text(found.waiting),
                      ": threads that spin at barriers slow each other down where other processes "
                      "use the cores"));
  }
  if (found.threads > processor.usable_cores) {
    out.push_back(cat(found.threads, " threads share ", processor.usable_cores,
                      " cores: they wait for one another"));
  }
  if (processor.load > processor.usable_cores) {
    out.push_back(cat("load average ", core::fixed(processor.load, 1), " is above the ",
                      processor.usable_cores, " usable cores: other work slows this down"));
  }
  if (!processor.has("avx2") && !processor.has("asimd")) {
    out.push_back("the processor has no AVX2: matrix products are several times slower");
  }
  if (!processor.has("avx512_bf16") && !processor.has("amx_bf16") && !processor.has("bf16")) {
    out.push_back("the processor has no bf16 arithmetic: on it bf16 is slower than fp32");
  }
}

/// What would be slow or fail, and why.
std::vector<std::string> findings(const Examination& found) {
  std::vector<std::string> out;
  if (!optimised_build()) {
    out.push_back("this is no optimised build: configure with `cmake --preset release`");
  }
  find_processor_faults(found, out);
  if (found.memory.available < kLittleMemory) {
    out.push_back(cat("only ", human_bytes(found.memory.available),
                      " of memory available: use data.cache=none and a small train.batch_size"));
  }
  const auto check_disk = [&out](const fs::path& folder, std::uint64_t free) {
    if (free >= kLittleDisk) return;
    out.push_back(cat("only ", human_bytes(free), " free in ", folder.string(),
                      ": checkpoints of the full model may need 1 GiB each"));
  };
  check_disk(found.work, found.work_free);
  if (found.temporary != found.work) check_disk(found.temporary, found.temporary_free);
  return out;
}

/// What `cues make --source` takes.
std::vector<std::string> cue_sources() {
  if (cues::can_ask_language_models()) return {"rules", "llm"};
  return {"rules"};
}

std::vector<std::string> shown_features(const core::ProcessorInfo& processor) {
  std::vector<std::string> out;
  for (const char* name : {"avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16"}) {
    if (processor.has(name)) out.emplace_back(name);
  }
  return out;
}

std::string compiler() {
#ifdef __clang__
  return cat("clang ", __clang_major__, ".", __clang_minor__, ".", __clang_patchlevel__);
#else
  return cat("g++ ", __VERSION__);
#endif
}

Json to_json(const Examination& found) {
  Json gpus = Json::array();
  for (std::size_t i = 0; i < found.gpus.size(); ++i) {
    gpus.push_back({{"device", cat("cuda:", i)},
                    {"memory_total", found.gpus[i].total},
                    {"memory_free", found.gpus[i].free}});
  }
  const auto& processor = found.processor;
  return {{"versions",
           {{"pcnet", core::version()},
            {"torch", TORCH_VERSION},
            {"opencv", core::opencv_version()},
            {"compiler", compiler()},
            {"glibc", ::gnu_get_libc_version()},
            {"optimised", optimised_build()}}},
          {"processor",
           {{"model", processor.model},
            {"instruction_sets", shown_features(processor)},
            {"cores", processor.cores},
            {"usable_cores", processor.usable_cores},
            {"threads", found.threads},
            {"omp_num_threads", found.omp_threads},
            {"omp_library", found.waiting.library},
            {"omp_wait_policy", found.waiting.wait_policy},
            {"gomp_spincount", found.waiting.spin_count},
            {"watched_for_crowding", found.waiting.watched},
            {"load", processor.load}}},
          {"cuda",
           {{"built", found.cuda_built},
            {"available", !found.gpus.empty()},
            {"devices", gpus},
            {"names", found.gpu_names},
            {"driver", found.driver}}},
          {"device", found.device},
          {"cue_sources", cue_sources()},
          {"mpi", distributed::can_pass_messages()},
          {"nccl", distributed::can_pass_messages_between_gpus()},
          {"memory", {{"total", found.memory.total}, {"available", found.memory.available}}},
          {"disk",
           {{{"folder", found.work.string()}, {"free", found.work_free}},
            {{"folder", found.temporary.string()}, {"free", found.temporary_free}}}},
          {"findings", findings(found)}};
}

void row(const std::string& name, const std::string& value) {
  std::cout << name << std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') << value << "\n";
}

std::string cuda_text(const Examination& found) {
  if (found.gpus.empty()) return found.cuda_built ? "no device" : "not in this LibTorch";
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < found.gpus.size(); ++i) {
    parts.push_back(cat("cuda:", i, " ", human_bytes(found.gpus[i].free), " of ",
                        human_bytes(found.gpus[i].total), " free"));
  }
  return core::join(parts, ", ");
}

void print_text(const Examination& found) {
  const auto& processor = found.processor;
  row("pcnet", cat(core::version(), optimised_build() ? "" : " (not optimised)"));
  row("torch", TORCH_VERSION);
  row("OpenCV", core::opencv_version());
  row("compiler", compiler());
  row("glibc", ::gnu_get_libc_version());
  row("processor", processor.model);
  row("has", core::join(shown_features(processor), " "));
  row("cores", cat(processor.usable_cores, " usable of ", processor.cores, ", load ",
                   core::fixed(processor.load, 1)));
  row("threads", cat(found.threads, ", OMP_NUM_THREADS ",
                     found.omp_threads.empty() ? "unset" : found.omp_threads));
  row("waiting", waiting_text(found.waiting));
  row("CUDA", cuda_text(found));
  if (!found.driver.empty()) row("driver", found.driver);
  if (!found.gpu_names.empty()) row("GPUs", core::join(found.gpu_names, ", "));
  row("device", found.device);
  row("cues", cat(core::join(cue_sources(), ", "),
                  cues::can_ask_language_models() ? "" : " (built with PCNET_WITH_LLM=OFF)"));
  row("processes",
      distributed::can_pass_messages()
          ? cat("MPI", distributed::can_pass_messages_between_gpus() ? " and NCCL" : "")
          : std::string("one alone (built with PCNET_WITH_MPI=OFF)"));
  row("memory",
      cat(human_bytes(found.memory.available), " available of ", human_bytes(found.memory.total)));
  row("disk", cat(human_bytes(found.work_free), " free in ", found.work.string()));
  row("", cat(human_bytes(found.temporary_free), " free in ", found.temporary.string()));
  const auto faults = findings(found);
  std::cout << (faults.empty() ? "\nNothing that would be slow.\n" : "\nWhat would be slow:\n");
  for (const auto& fault : faults) std::cout << "- " << fault << "\n";
}

// Several processes -----------------------------------------------------------------------------

/// What they say of themselves, and what messages between them cost.
struct TeamExamination {
  std::vector<distributed::Place> places;
  std::vector<std::string> threads;  // and the device, of each
  double latency = 0;                // seconds of a sum of one number
  double bandwidth = 0;              // bytes a second that a process sums
};

TeamExamination examine_team(distributed::Team& team, const Examination& own) {
  constexpr std::int64_t kMany = std::int64_t{1} << 22U;  // numbers: 16 MiB
  core::Communicator& communicator = *team.communicator();
  TeamExamination found{.places = team.places()};
  found.threads = communicator.all_gather(cat(own.threads, " threads, ", own.device));
  const auto seconds_of = [&](std::int64_t numbers) {
    const at::Tensor x = at::zeros({numbers});
    return core::shortest_seconds([&] { communicator.all_reduce(x, core::Reduction::kSum); },
                                  /*passes=*/5);
  };
  found.latency = seconds_of(1);
  found.bandwidth = static_cast<double>(kMany * 4) / seconds_of(kMany);
  return found;
}

std::vector<std::string> findings(const TeamExamination& found) {
  std::vector<std::string> out;
  for (const auto& place : found.places) {
    const bool wastes = place.bound && place.cores * place.local_size < place.machine_cores;
    if (wastes) {
      out.push_back(cat("processes of ", place.host,
                        " are bound to fewer cores than it has: give mpirun ",
                        "--bind-to none, or --map-by slot:PE=N"));
      break;
    }
  }
  for (const auto& place : found.places) {
    if (place.cores >= 1) continue;
    out.push_back(cat(place.host, " has fewer cores than processes: they wait for one another"));
    break;
  }
  return out;
}

Json to_json(const TeamExamination& found) {
  Json processes = Json::array();
  for (std::size_t i = 0; i < found.places.size(); ++i) {
    const auto& place = found.places[i];
    processes.push_back({{"process", i},
                         {"host", place.host},
                         {"local_rank", place.local_rank},
                         {"cores", place.cores},
                         {"bound", place.bound},
                         {"gpus", place.gpus},
                         {"uses", found.threads[i]}});
  }
  return {{"processes", processes},
          {"message_seconds", found.latency},
          {"sum_bytes_per_second", found.bandwidth},
          {"findings", findings(found)}};
}

void print_text(const TeamExamination& found) {
  std::cout << "\n";
  for (std::size_t i = 0; i < found.places.size(); ++i) {
    const auto& place = found.places[i];
    row(cat("process ", i), cat(place.host, ", ", core::fixed(place.cores, 1), " cores",
                                place.bound ? " (bound)" : "", ", ", found.threads[i]));
  }
  row("messages",
      cat(core::fixed(1e6 * found.latency, 0), " us a sum of one number, ",
          human_bytes(static_cast<std::uint64_t>(found.bandwidth)), "/s summed in 16 MiB"));
  for (const auto& fault : findings(found)) std::cout << "- " << fault << "\n";
}

}  // namespace

void add_doctor(CLI::App& root, const GlobalOptions& globals, Action& action) {
  CLI::App* command =
      add_command(root, "doctor",
                  "Show versions, processor, CUDA, memory, disk, and what would be slow and why.",
                  "  pcnet doctor\n"
                  "  pcnet doctor --json --device cuda\n"
                  "  mpirun -np 4 pcnet doctor      where each process runs, what messages cost");
  command->callback([&globals, &action] {
    action = [&globals] {
      const Examination found = examine(globals);
      std::optional<TeamExamination> team;
      if (globals.team != nullptr) team = examine_team(*globals.team, found);
      if (globals.json) {
        Json document = to_json(found);
        if (team) document["team"] = to_json(*team);
        print_json(document);
        return;
      }
      print_text(found);
      if (team) print_text(*team);
    };
  });
}

}  // namespace pcnet::app
