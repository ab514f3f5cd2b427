#include "pcnet/serve/server.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/runtime/dataset_opening.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/serve/answerer.h"
#include "pcnet/serve/examples.h"
#include "pcnet/serve/service.h"

#include "http_server.h"

namespace pcnet::serve {

using core::cat;
using nlohmann::ordered_json;

namespace {

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// The figures of the run's last evaluation, by split; null without one, and, with a warning, for a
/// file of another form.
ordered_json results_of(const std::filesystem::path& checkpoint) {
  const auto run = engine::run_of(checkpoint);
  const auto path = run / "results.json";
  if (run.empty() || !std::filesystem::exists(path)) return nullptr;
  ordered_json results;
  try {
    const auto stored = core::parse_json<ordered_json>(core::read_file(path));
    for (const auto& [split, figures] : stored.at("splits").items()) {
      for (const char* name : {"point_m", "miou", "oiou", "sentences"}) {
        results[split][name] = figures.at(name);
      }
    }
  } catch (const std::exception& error) {
    core::log::warning(cat(path.string(), " is left out of the page: ", error.what()));
    return nullptr;
  }
  return results;
}

std::vector<Example> open_examples(const ServeRequest& request,
                                   const runtime::LoadedModel& loaded) {
  if (request.examples == 0) return {};
  try {
    data::Dataset dataset = runtime::open_dataset(loaded);
    return examples_of(dataset, loaded.config.eval.splits.front(), request.examples,
                       std::min<std::int64_t>(request.limits.texts, 6));
  } catch (const core::Error& error) {
    if (request.dataset_is_named) throw;
    core::log::info(cat("no example images on the page: ", error.what()));
    return {};
  }
}

std::string url_of(const std::string& host, int port) {
  const bool ipv6 = host.find(':') != std::string::npos;
  return cat("http://", ipv6 ? cat("[", host, "]") : host, ":", port, "/");
}

}  // namespace

void serve(const ServeRequest& request, const std::function<void(const std::string& url)>& ready) {
  require_server();
  if (request.token.empty() && !is_this_machine(request.host)) {
    throw core::UsageError(cat("--host ", request.host,
                               " can be reached from other machines: give a --token that clients "
                               "have to name"));
  }
  const auto is_visible = [](char c) { return c > ' ' && c <= '~'; };
  if (!std::all_of(request.token.begin(), request.token.end(), is_visible)) {
    throw core::UsageError(
        "--token holds blanks or other signs that no header can: wanted visible ASCII");
  }
  runtime::LoadedModel loaded = runtime::load_model(request.model, request.overrides);
  std::vector<Example> examples = open_examples(request, loaded);
  ordered_json results = results_of(loaded.checkpoint);
  Figures figures;
  Answerer answerer(std::move(loaded), request.limits, request.kept_bytes, figures);
  Service service(
      {request.limits, request.token, {"localhost", "127.0.0.1", "[::1]", request.host}}, answerer,
      std::move(examples), figures, std::move(results));
  run_http_server(
      service, request.host, request.port, [&](int port) { ready(url_of(request.host, port)); },
      [] { return core::stop_signal() != 0; });
  core::log::info("all requests that came before are answered; the server has ended");
}

}  // namespace pcnet::serve
