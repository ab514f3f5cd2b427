#include "pcnet/serve/service.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/core/version.h"
#include "pcnet/serve/form.h"

#include "pages.h"

namespace pcnet::serve {

using core::cat;
using nlohmann::ordered_json;

namespace {

struct Route {
  std::string_view path;
  std::string_view method;
  bool open;  ///< to clients without the token
};
constexpr std::string_view kPredict = "/v1/predict";
constexpr std::string_view kExample = "/v1/examples/";  // and a number
constexpr std::array kRoutes = {
    Route{"/", "GET", true},
    Route{"/v1/health", "GET", true},
    Route{"/v1/model", "GET", false},
    Route{"/v1/examples", "GET", false},
    Route{kExample, "GET", false},
    Route{"/metrics", "GET", false},
    Route{"/openapi.json", "GET", false},
    Route{kPredict, "POST", false},
};

const Route* route_of(std::string_view path) {
  for (const Route& route : kRoutes) {
    if (route.path == path || (route.path == kExample && path.starts_with(kExample))) return &route;
  }
  return nullptr;
}

/// Takes as long for any token of a length.
bool equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  int different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) different |= a[i] ^ b[i];
  return different == 0;
}

/// The name in a header Host, in small letters.
std::string name_of(std::string_view host) {
  const auto colon = host.rfind(':');
  const bool of_ipv6 = host.find(']') != std::string_view::npos && colon < host.find(']');
  std::string name(colon == std::string_view::npos || of_ipv6 ? host : host.substr(0, colon));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return name;
}

Reply json_reply(const ordered_json& document) {
  return {200, "application/json", core::json_text(document) + "\n"};
}

}  // namespace

Service::Service(Options options, Answerer& answerer, std::vector<Example> examples,
                 Figures& figures, ordered_json results)
    : options_(std::move(options)),
      answerer_(answerer),
      examples_(std::move(examples)),
      figures_(figures),
      results_(std::move(results)) {}

Service::Place Service::take_place() {
  Place place(&taken_, [](std::atomic<std::int64_t>* taken) { --*taken; });
  return ++taken_ > options_.limits.queue ? nullptr : place;
}

std::optional<Reply> Service::refusal(const Call& head) const {
  const Route* route = route_of(head.path);
  if (options_.token.empty()) {
    // A page of another site cannot ask by a name that leads here, nor by the visitor's browser.
    const auto& hosts = options_.hosts;
    if (std::find(hosts.begin(), hosts.end(), name_of(head.host)) == hosts.end()) {
      return error_reply(403,
                         "this server answers by the names of this machine alone, as localhost");
    }
    if (!head.origin.empty() && head.origin != cat("http://", head.host)) {
      return error_reply(403, "pages of other sites may not ask this server");
    }
  }
  const bool open = route != nullptr && route->open;
  if (!options_.token.empty() && !open &&
      !equal(head.authorization, cat("Bearer ", options_.token))) {
    return error_reply(401,
                       "wanted the header Authorization: Bearer TOKEN with this server's token");
  }
  if (route == nullptr) return error_reply(404, "nothing is here; see /openapi.json");
  const bool reads = head.method == "GET" || head.method == "HEAD";
  if (route->method != (reads ? "GET" : head.method)) {
    Reply reply = error_reply(405, cat("wanted ", route->method));
    reply.headers.emplace_back("Allow", std::string(route->method));
    return reply;
  }
  if (draining_ && !open) return error_reply(503, "this server is ending");
  if (route->path == kPredict && !is_form(head.content_type) && !is_json_type(head.content_type)) {
    return error_reply(415, "wanted Content-Type application/json or multipart/form-data");
  }
  return std::nullopt;
}

Reply Service::reply(const Call& call, Deadline deadline) {
  try {
    return answer(call, deadline);
  } catch (const HttpError& error) {
    return error_reply(error.status(), error.what());
  } catch (const std::exception& error) {
    // What went wrong may name files of this machine: it is for who runs the server.
    core::log::warning(cat("a request to ", call.path, " failed: ", error.what()));
    return error_reply(500, "this server failed to answer; its log says why");
  }
}

Reply Service::answer(const Call& call, Deadline deadline) {
  if (call.path == kPredict) return predict(call, deadline);
  if (call.path == "/") return page_reply();
  if (call.path == "/v1/health") {
    Reply reply = json_reply({{"status", draining_ ? "draining" : "ok"}});
    if (draining_) reply.status = 503;
    return reply;
  }
  if (call.path == "/v1/model") return json_reply(model());
  if (call.path == "/v1/examples") return json_reply(example_list());
  if (call.path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", metrics()};
  if (call.path == "/openapi.json") return {200, "application/json", std::string(openapi())};
  return example(std::string_view(call.path).substr(kExample.size()));
}

Reply Service::predict(const Call& call, Deadline deadline) {
  const Question question =
      is_form(call.content_type)
          ? parse_question(parse_form(call.content_type, call.body), options_.limits)
          : parse_question(call.body, options_.limits);
  return json_reply(answerer_.answer(question, deadline));
}

Reply Service::example(std::string_view number) const {
  std::size_t id = 0;
  const auto* end = number.data() + number.size();
  const auto [stop, fault] = std::from_chars(number.data(), end, id);
  if (fault != std::errc() || stop != end || id >= examples_.size()) {
    throw HttpError(404, "no example of this number; see /v1/examples");
  }
  return {200, "image/png", examples_[id].png, {{"Cache-Control", "private, max-age=3600"}}};
}

ordered_json Service::example_list() const {
  ordered_json list = ordered_json::array();
  for (const auto& example : examples_) {
    list.push_back({{"id", list.size()},
                    {"width", example.width},
                    {"height", example.height},
                    {"texts", example.texts}});
  }
  return list;
}

ordered_json Service::model() const {
  const auto& loaded = answerer_.loaded();
  const auto& limits = options_.limits;
  const auto read = loaded.model->cues_read();
  ordered_json stage_cues = ordered_json::array();
  for (std::int64_t n = 0; n < answerer_.stages(); ++n) stage_cues.push_back(n < read);
  ordered_json segmentors = {"none"};
  if (answerer_.has_sam()) segmentors.push_back("sam");
  ordered_json words;
  if (!loaded.tokenizer->words().empty()) words = loaded.tokenizer->words();
  return {{"name", "pcnet"},
          {"pcnet", core::version()},
          {"profile", loaded.config.model.profile.word()},
          {"stages", answerer_.stages()},
          {"stage_cues", stage_cues},
          {"cues_read", read},
          {"image_size", loaded.config.data.image_size},
          {"text_length", loaded.config.data.text_length},
          {"words", words},
          {"segmentors", segmentors},
          {"default_segmentor", answerer_.has_sam() ? "sam" : "none"},
          {"limits",
           {{"body_bytes", limits.body_bytes},
            {"pixels", limits.pixels},
            {"texts", limits.texts},
            {"text_bytes", limits.text_bytes},
            {"cues", limits.cues},
            {"clicks", limits.clicks}}},
          {"results", results_},
          {"examples", examples_.size()}};
}

std::string Service::metrics() const {
  return figures_.text(
      {{"pcnet_requests_in_flight", "Predictions that are read or answered.", taken_},
       {"pcnet_kept_images", "Images whose encodings are kept.", answerer_.kept().count()},
       {"pcnet_kept_bytes", "Bytes of these.", answerer_.kept().bytes()}});
}

void Service::count(const Call& call, int status, double seconds) {
  const Route* route = route_of(call.path);
  figures_.answered(route == nullptr ? "other" : std::string(route->path), status, seconds);
}

}  // namespace pcnet::serve
