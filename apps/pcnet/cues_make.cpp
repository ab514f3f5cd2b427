#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/runtime/cue_making.h"

#include "cues_commands.h"
#include "data_source.h"

namespace pcnet::app {

namespace {

using core::cat;
using nlohmann::ordered_json;

constexpr double kMillion = 1e6;
constexpr double kLongest = 86400;  // seconds of a time-out
constexpr std::size_t kSomeExpressions = 5;
constexpr const char* kModelGroup = "Language model";  // of options

struct CueArguments {
  DataSource source;
  std::vector<std::string> texts;
  runtime::CueRequest request;
  std::string out;
  std::string prompt;
  std::vector<std::string> fields;  // of the request: KEY=JSON
  std::vector<double> price;        // of a million tokens: in, out
};

/// "seed=null" and the like; a value that is no JSON is a text.
ordered_json request_fields(const std::vector<std::string>& fields) {
  ordered_json request = ordered_json::object();
  for (const auto& field : fields) {
    const std::size_t equals = field.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw core::UsageError(cat("--request is \"", field, "\", wanted FIELD=VALUE"));
    }
    const std::string value = field.substr(equals + 1);
    const std::string name = field.substr(0, equals);
    if (name == "messages" || name == "stream" || name == "model") {
      throw core::UsageError(
          cat("--request cannot set \"", name, "\"", name == "model" ? ": that is --model" : ""));
    }
    auto parsed = core::try_parse_json<ordered_json>(value);
    request[name] = parsed.is_discarded() ? ordered_json(value) : std::move(parsed);
  }
  return request;
}

/// The source with what only `llm` needs.
runtime::CueSource source_of(const CueArguments& arguments) {
  runtime::CueSource source = arguments.request.source;
  cues::LanguageModelOptions& model = source.model;
  if (source.name == "rules") return source;
  cues::require_language_models();
  if (model.endpoint.url.empty()) {
    throw core::UsageError(
        "--source llm needs --endpoint, e.g. http://localhost:8080 (llama.cpp's server), "
        "http://localhost:8000 (vLLM), http://localhost:11434 (Ollama), https://api.mistral.ai/v1");
  }
  model.endpoint.request = request_fields(arguments.fields);
  model.prompt = arguments.prompt.empty()
                     ? cues::parse_prompt(cues::default_prompt(), "the built-in prompt")
                     : cues::parse_prompt(core::read_file(arguments.prompt), arguments.prompt);
  return source;
}

/// Of all tokens, in the currency of --price; nothing without one.
std::optional<double> cost_of(const cues::Traffic& traffic, const std::vector<double>& price) {
  if (price.empty()) return std::nullopt;
  return (static_cast<double>(traffic.prompt_tokens) * price[0] +
          static_cast<double>(traffic.completion_tokens) * price[1]) /
         kMillion;
}

ordered_json tally_json(const runtime::CueFile& file, const std::vector<double>& price) {
  const cues::Tally& tally = file.tally;
  ordered_json document = {{"model", file.model},
                           {"answers", file.answers.string()},
                           {"known", tally.known},
                           {"requests", tally.traffic.requests},
                           {"retries", tally.traffic.retries},
                           {"asked_again", tally.asked_again},
                           {"invalid", tally.invalid},
                           {"unanswered", tally.unanswered},
                           {"left_out", tally.left_out},
                           {"prompt_tokens", tally.traffic.prompt_tokens},
                           {"completion_tokens", tally.traffic.completion_tokens},
                           {"given_to_rules", file.by_rules}};
  if (const auto cost = cost_of(tally.traffic, price)) document["cost"] = *cost;
  return document;
}

ordered_json document_of(const runtime::CueFile& file, const CueArguments& arguments) {
  const std::string& source = arguments.request.source.name;
  ordered_json document = {{"out", file.out.string()},
                           {"source", source},
                           {"already_there", file.already_there},
                           {"sentences", file.sentences},
                           {"expressions", file.expressions},
                           {"cues", file.cues},
                           {"seconds", file.seconds}};
  if (source == "llm") document["llm"] = tally_json(file, arguments.price);
  return document;
}

std::string tally_text(const runtime::CueFile& file, const std::vector<double>& price) {
  const cues::Tally& tally = file.tally;
  const cues::Traffic& traffic = tally.traffic;
  std::string text;
  const auto line = [&](const char* what, const std::string& value) {
    text += cat("  ", what, std::string(12 - std::string(what).size(), ' '), value, "\n");
  };
  line("model", file.model);
  line("requests", cat(traffic.requests, ": ", traffic.retries, " repeated after a fault, ",
                       tally.asked_again, " after an answer that could not be used"));
  line("known", cat(tally.known, " expressions were answered in ", file.answers.string()));
  line("left out", cat(tally.left_out, " phrases that were no good cues"));
  line("by rules", cat(tally.invalid + tally.unanswered, ": ", tally.invalid,
                       " without a usable answer, ", tally.unanswered, " without any"));
  const auto cost = cost_of(traffic, price);
  line("tokens", cat(traffic.prompt_tokens, " in, ", traffic.completion_tokens, " out",
                     cost ? cat(", cost ", core::fixed(*cost, 2)) : ""));
  return text;
}

void warn_of_rules(const runtime::CueFile& file) {
  if (file.by_rules.empty()) return;
  std::vector<std::string> some;
  for (const auto& text : file.by_rules) {
    if (some.size() == kSomeExpressions) break;
    some.push_back(cat("\"", text, "\""));
  }
  core::log::warning(cat(file.by_rules.size(), " of ", file.expressions,
                         " expressions were given to the rules, e.g. ", core::join(some, ", ")));
}

void print_text(const runtime::CueFile& file, const CueArguments& arguments) {
  const double each = static_cast<double>(file.cues) /
                      static_cast<double>(std::max<std::int64_t>(file.expressions, 1));
  const double rate = static_cast<double>(file.sentences) / std::max(file.seconds, 1e-9);
  std::cout << (file.already_there
                    ? cat(file.out.string(), " holds these cues already: nothing to do\n")
                    : cat("wrote ", file.out.string(), " in ", core::human_seconds(file.seconds),
                          "\n"))
            << cat("  sentences   ", file.sentences, ", ", file.expressions, " different ones\n")
            << cat("  cues        ", core::fixed(each, 2), " an expression\n");
  if (arguments.request.source.name == "llm") {
    std::cout << tally_text(file, arguments.price);
  } else {
    std::cout << cat("  rate        ", core::fixed(rate, 0),
                     " sentences a second, reading and writing included\n");
  }
  std::cout << "look at them with `pcnet data show` and `pcnet cues check`\n";
}

void print_texts(const CueArguments& arguments, const GlobalOptions& globals) {
  for (const auto& text : arguments.texts) {
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
      throw core::UsageError("a --text is empty: say what to take apart");
    }
  }
  const auto found = runtime::cues_of_texts(arguments.texts, source_of(arguments));
  ordered_json list = ordered_json::array();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool fell_back = found[i].by_rules && arguments.request.source.name == "llm";
    if (globals.json) {
      list.push_back({{"text", arguments.texts[i]},
                      {"cues", found[i].cues},
                      {"source", found[i].by_rules ? "rules" : "llm"}});
      continue;
    }
    std::cout << arguments.texts[i] << (fell_back ? "  (by rules: no usable answer)" : "") << "\n";
    for (const auto& cue : found[i].cues) std::cout << "  " << cue << "\n";
  }
  if (globals.json) print_json(list);
}

void run_make(const CueArguments& arguments, const GlobalOptions& globals) {
  if (!arguments.texts.empty()) return print_texts(arguments, globals);
  runtime::CueRequest request = arguments.request;
  request.source = source_of(arguments);
  request.out = arguments.out;
  const auto file = runtime::make_cues(load_data_source(arguments.source, globals), request);
  warn_of_rules(file);
  leave_stdout_to(arguments.out);
  if (globals.json) {
    print_json(document_of(file, arguments));
  } else {
    print_text(file, arguments);
  }
}

void refuse_options_of_models(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group() == kModelGroup && option->count() > 0) {
      throw core::UsageError(cat(option->get_name(), " is for --source llm: the rules ask nobody"));
    }
  }
}

void add_language_model_options(CLI::App& command, CueArguments& arguments) {
  cues::LanguageModelOptions& model = arguments.request.source.model;
  cues::EndpointOptions& endpoint = model.endpoint;
  const auto add = [&](const char* name, auto& into, const char* help, const char* type) {
    return command.add_option(name, into, help)->type_name(type)->group(kModelGroup);
  };
  add("--endpoint", endpoint.url,
      "server with OpenAI's chat completions: its base or whole address", "URL");
  add("--model", endpoint.model, "default: the only one that the server lists", "NAME");
  add("--prompt", arguments.prompt, "prompt file; `pcnet cues prompt` prints the built-in one",
      "FILE");
  add("--key-env", endpoint.key_variable,
      "environment variable with the key; default: PCNET_API_KEY, if set", "NAME");
  add("--concurrency", endpoint.concurrency, "requests at once", "N")
      ->check(CLI::Range(1, 1024).description(""))
      ->capture_default_str();
  add("--timeout", endpoint.seconds, "seconds for one request", "S")
      ->check(between(0.001, kLongest))
      ->capture_default_str();
  add("--connect-timeout", endpoint.connect_seconds, "seconds until a connection stands", "S")
      ->check(between(0.001, kLongest))
      ->capture_default_str();
  add("--retries", endpoint.retries,
      "of a request, after a time-out, a cut connection, HTTP 408, 409, 425, 429 or 5xx", "N")
      ->check(CLI::Range(0, 100).description(""))
      ->capture_default_str();
  add("--rate-limit", endpoint.requests_per_minute, "requests a minute; 0: no limit", "N")
      ->check(between(0, 1e6))
      ->capture_default_str();
  add("--tries", model.tries, "answers to one expression before the rules take it", "N")
      ->check(CLI::Range(1, 10).description(""))
      ->capture_default_str();
  add("--temperature", endpoint.temperature, "0: always the likeliest words", "T")
      ->check(between(0, 2))
      ->capture_default_str();
  add("--seed", endpoint.seed, "sent with each request", "S")->capture_default_str();
  add("--max-tokens", endpoint.max_tokens, "of an answer", "N")
      ->check(CLI::Range(1, 100000).description(""))
      ->capture_default_str();
  add("--request", arguments.fields,
      "another field of the request, or null to leave one out; repeatable", "FIELD=VALUE")
      ->allow_extra_args(false);
  add("--price", arguments.price, "of a million tokens, in and out, to show the cost", "IN,OUT")
      ->delimiter(',')
      ->expected(2)
      ->check(between(0, 1e6));
  add("--ca-file", endpoint.ca_file, "certificates (PEM) to trust instead of the system's", "FILE");
  command
      .add_flag("--allow-new-words", model.judgement.allow_new_words,
                "keep phrases with words that the sentence does not have")
      ->group(kModelGroup);
}

}  // namespace

void add_cues_make(CLI::App& cues, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<CueArguments>();
  runtime::CueRequest& request = arguments->request;
  CLI::App* command = add_command(
      cues, "make",
      "Take every sentence of a dataset apart into target-related cues (Sec. 3.1), by built-in\n"
      "rules or by a language model. Each different sentence is asked once, every answer is kept\n"
      "in <out>.answers.jsonl, and a stopped run goes on when the same command is given again.",
      "  pcnet cues make --root data --out cues.jsonl\n"
      "  pcnet cues make --root data --source llm --endpoint http://localhost:8080\n"
      "  PCNET_API_KEY=... pcnet cues make --root data --source llm --model mistral-small-latest "
      "\\\n"
      "      --endpoint https://api.mistral.ai/v1 --request seed=null --request random_seed=0 \\\n"
      "      --rate-limit 60 --price 0.1,0.3\n"
      "  pcnet cues make --text \"the man in the red hat next to a dog\"");
  add_data_source(*command, arguments->source);
  one_of(command->add_option("--source", request.source.name, "what takes the sentences apart"),
         {"rules", "llm"})
      ->capture_default_str();
  auto* const out = command
                        ->add_option("--out", arguments->out,
                                     "file to write; default: cues.jsonl beside the annotations")
                        ->type_name("FILE");
  auto* const split =
      command->add_option("--split", request.splits, "only sentences of this split; repeatable")
          ->type_name("SPLIT")
          ->allow_extra_args(false);
  command->add_option("--count", request.source.most, "cues of a sentence at most (K)")
      ->type_name("K")
      ->check(CLI::Range(1, 20).description(""))
      ->capture_default_str();
  command->add_flag("--replace", request.replace, "write over a file with other cues");
  command
      ->add_option("--text", arguments->texts,
                   "print the cues of this text instead of making a file; repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false)
      ->excludes(out)
      ->excludes(split)
      ->excludes(command->get_option("DATA"))
      ->excludes(command->get_option("--root"));
  add_language_model_options(*command, *arguments);
  command->callback([command, arguments, &globals, &action] {
    action = [command, arguments, &globals] {
      if (arguments->request.source.name == "rules") refuse_options_of_models(*command);
      run_make(*arguments, globals);
    };
  });
}

}  // namespace pcnet::app
