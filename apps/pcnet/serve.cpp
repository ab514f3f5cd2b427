#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "pcnet/config/paths.h"
#include "pcnet/core/log.h"
#include "pcnet/serve/server.h"

#include "command.h"
#include "data_arguments.h"

namespace pcnet::app {

namespace {

struct ServeArguments {
  serve::ServeRequest request;
  std::string model;
  std::string sam;
  std::int64_t cache = 256;  // MiB
  std::int64_t body = 32;    // MiB
  DataArguments data;
};

void run_serve(ServeArguments& arguments, const GlobalOptions& globals) {
  serve::ServeRequest& request = arguments.request;
  const DataArguments& data = arguments.data;
  request.model = arguments.model;
  request.kept_bytes = arguments.cache << 20;
  request.limits.body_bytes = arguments.body << 20;
  request.dataset_is_named = !data.root.empty() || !data.pack.empty();
  // What a run was evaluated with may need a dataset.
  request.overrides = {"eval.segmentor=none", config::assignment("eval.sam.weights", "")};
  for (auto& setting : with_data(globals, data)) request.overrides.push_back(std::move(setting));
  if (!arguments.sam.empty()) {
    request.overrides.push_back(config::assignment("eval.sam.weights", arguments.sam));
  }
  serve::serve(request, [&](const std::string& url) {
    if (globals.json) {
      print_json({{"url", url}});
    } else {
      std::cout << url << "\n";
    }
    std::cout.flush();
    core::log::info("serving; Ctrl-C ends it");
  });
}

}  // namespace

void add_serve(CLI::App& root, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<ServeArguments>();
  auto& request = arguments->request;
  CLI::App* command = add_command(
      root, "serve", "Serve a page to try a model on pictures, and the same over HTTP.",
      "  pcnet serve runs/pcnet\n"
      "  pcnet serve runs/pcnet --sam mobile_sam.pt --port 8080\n"
      "  PCNET_TOKEN=... pcnet serve runs/pcnet --host 0.0.0.0\n"
      "  curl -F image=@photo.jpg -F text=\"the red cup\" http://127.0.0.1:8000/v1/predict");
  command->add_option("model", arguments->model, "run folder or checkpoint")
      ->type_name("RUN|CHECKPOINT")
      ->required();
  command->add_option("--port", request.port, "port; 0: a free one, which is printed")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535).description(""));
  command
      ->add_option("--host", request.host,
                   "address to listen on; another than this machine's own wants a token")
      ->type_name("ADDRESS")
      ->capture_default_str();
  command
      ->add_option("--token", request.token,
                   "clients have to send `Authorization: Bearer TOKEN`; also by the environment, "
                   "where other users do not see it")
      ->type_name("TOKEN")
      ->envname("PCNET_TOKEN");
  command
      ->add_option("--sam", arguments->sam,
                   "weights of Segment Anything, for masks at the peak or at clicks: "
                   "sam_vit_*.pth or mobile_sam.pt")
      ->type_name("FILE");
  command->add_option("--examples", request.examples, "images of the run's dataset on the page")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(0, 200));
  const auto add_limit = [&](const char* name, auto& into, const char* help, double least,
                             double most) {
    command->add_option(name, into, help)
        ->type_name("N")
        ->capture_default_str()
        ->check(between(least, most))
        ->group("Limits");
  };
  add_limit("--queue", request.limits.queue, "requests that are answered at once; more get 429", 1,
            100'000);
  add_limit("--timeout", request.limits.seconds, "seconds from a request to its answer", 0.1, 3600);
  add_limit("--max-body", arguments->body, "MiB of a request", 1, 1024);
  add_limit("--max-pixels", request.limits.pixels, "pixels of an image", 1, 268'435'456);
  add_limit("--cache", arguments->cache, "MiB of what the encoders made of images and texts", 0,
            1 << 20);
  add_data_options(*command, arguments->data);
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_serve(*arguments, globals); };
  });
}

}  // namespace pcnet::app
