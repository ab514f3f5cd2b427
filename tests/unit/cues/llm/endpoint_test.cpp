#include "pcnet/cues/llm/endpoint.h"

#include <atomic>
#include <cstdlib>
#include <ctime>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/json.h"

#include "support/chat_server.h"

namespace pcnet::cues {
namespace {

using support::ChatServer;
using support::completion;
using support::http_response;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

using Replies = std::map<std::uint64_t, Reply>;

EndpointOptions options_for(const std::string& url) {
  EndpointOptions options;
  options.url = url;
  options.model = "tiny";
  options.first_pause = 0.01;
  options.retries = 2;
  return options;
}

/// Asks so many questions ("question 0", ...) and waits for all replies.
Replies ask(ChatEndpoint& endpoint, std::uint64_t count) {
  for (std::uint64_t id = 0; id < count; ++id) {
    endpoint.ask(id, {{"user", "question " + std::to_string(id)}});
  }
  Replies replies;
  while (endpoint.open() > 0) {
    for (auto& reply : endpoint.wait(0.2)) replies.emplace(reply.id, std::move(reply));
  }
  return replies;
}

Replies ask(const EndpointOptions& options, std::uint64_t count = 1) {
  ChatEndpoint endpoint(options);
  return ask(endpoint, count);
}

/// A script that gives these responses to the first requests and then answers "fine".
ChatServer::Script first_then_fine(std::vector<std::string> responses) {
  return [responses = std::move(responses)](const auto&, std::size_t n) {
    return n < responses.size() ? responses[n] : completion("fine");
  };
}

void expect_error(
    const ChatServer::Script& script, const std::vector<std::string>& words,
    void (*change)(EndpointOptions&) = [](EndpointOptions&) {}) {
  const ChatServer server(script);
  auto options = options_for(server.url());
  change(options);
  try {
    ask(options);
    FAIL() << "no error";
  } catch (const core::Error& error) {
    for (const auto& word : words) EXPECT_THAT(error.what(), HasSubstr(word));
  }
}

TEST(ChatEndpoint, SendsTheSettingsAndTheMessages) {
  const ChatServer server(first_then_fine({}));
  auto options = options_for(server.url());
  options.temperature = 0;
  options.seed = 7;
  options.max_tokens = 99;
  options.request = {{"top_p", 0.5}, {"seed", nullptr}};
  ChatEndpoint endpoint(options);
  endpoint.ask(3, {{"user", "caf\xc3\xa9 \xff"}, {"assistant", "no"}, {"user", "again"}});
  std::vector<Reply> replies;
  while (replies.empty()) replies = endpoint.wait(1);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].id, 3U);
  EXPECT_EQ(replies[0].text, "fine");
  EXPECT_EQ(replies[0].prompt_tokens, 10);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_THAT(requests[0].head,
              AllOf(HasSubstr("POST /v1/chat/completions HTTP/1.1"),
                    HasSubstr("Content-Type: application/json"), Not(HasSubstr("Authorization"))));
  EXPECT_EQ(pcnet::core::parse_json<nlohmann::json>(requests[0].body),
            pcnet::core::parse_json<nlohmann::json>(
                R"({"model": "tiny", "temperature": 0.0, "max_tokens": 99,
                "top_p": 0.5, "messages": [{"role": "user", "content": "caf\u00e9 \ufffd"},
                {"role": "assistant", "content": "no"}, {"role": "user", "content": "again"}]})"));
  EXPECT_EQ(endpoint.traffic().completion_tokens, 3);
}

TEST(ChatEndpoint, UnderstandsEveryFormOfAddress) {
  const auto url = [](const std::string& text) { return ChatEndpoint(options_for(text)).url(); };
  EXPECT_EQ(url("http://h:1"), "http://h:1/v1/chat/completions");
  EXPECT_EQ(url("http://h:1/"), "http://h:1/v1/chat/completions");
  EXPECT_EQ(url("https://h/api/v2/"), "https://h/api/v2/chat/completions");
  EXPECT_EQ(url("https://h/v1/chat/completions"), "https://h/v1/chat/completions");
  EXPECT_EQ(url("https://h/x?api-version=2"), "https://h/x/chat/completions?api-version=2");
  for (const char* wrong : {"localhost:8080", "ftp://h/v1", "", "http://", "http://a:b@h/v1"}) {
    EXPECT_THROW(ChatEndpoint{options_for(wrong)}, core::UsageError) << wrong;
  }
}

TEST(ChatEndpoint, TriesAgainAfterFaultsThatMayPass) {
  const std::string whole = completion("lost");
  for (const std::string& fault :
       std::vector<std::string>{http_response(500, "{\"error\": {\"message\": \"oops\"}}"),
                                http_response(503, "loading"), http_response(429, "{}"),
                                http_response(408, ""), whole.substr(0, whole.size() - 5),  // cut
                                "",  // closed without a word
                                "this is no HTTP\r\n\r\n"}) {
    const ChatServer server(first_then_fine({fault, fault}));
    ChatEndpoint endpoint(options_for(server.url()));
    const auto replies = ask(endpoint, 1);
    EXPECT_EQ(replies.at(0).text, "fine") << fault;
    EXPECT_EQ(endpoint.traffic().requests, 3) << fault;
    EXPECT_EQ(endpoint.traffic().retries, 2) << fault;
  }
}

TEST(ChatEndpoint, TriesResponsesWithoutACompletionAgainOnceItHasHadOne) {
  for (const std::string& fault : std::vector<std::string>{
           http_response(200, "{\"choices\": []}"), http_response(200, "not JSON \xff"),
           http_response(200, std::string(std::size_t{3} << 20U, 'x'))}) {
    const ChatServer server(
        [&](const auto&, std::size_t n) { return n == 1 ? fault : completion("fine"); });
    auto options = options_for(server.url());
    options.concurrency = 1;
    ChatEndpoint endpoint(options);
    const auto replies = ask(endpoint, 2);
    EXPECT_EQ(replies.at(1).text, "fine");
    EXPECT_EQ(endpoint.traffic().requests, 3);
  }
}

TEST(ChatEndpoint, ReadsAnswersWithBytesOfAnotherEncoding) {
  const ChatServer server(first_then_fine(
      {http_response(200, "{\"choices\": [{\"message\": {\"content\": \"caf\xe9\"}}]}")}));
  EXPECT_EQ(ask(options_for(server.url())).at(0).text, "caf\xef\xbf\xbd");
}

TEST(ChatEndpoint, WaitsAsLongAsTheServerAsks) {
  const ChatServer server(first_then_fine({http_response(429, "{}", "Retry-After: 0.3\r\n")}));
  const auto replies = ask(options_for(server.url()));
  EXPECT_EQ(replies.at(0).text, "fine");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_GE(requests[1].at - requests[0].at, std::chrono::milliseconds(290));
}

TEST(ChatEndpoint, UnderstandsADateToWaitFor) {
  const std::time_t soon = std::time(nullptr) + 2;
  char date[64];
  std::tm parts{};
  gmtime_r(&soon, &parts);
  std::strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  const ChatServer server(
      first_then_fine({http_response(503, "{}", "Retry-After: " + std::string(date) + "\r\n")}));
  EXPECT_EQ(ask(options_for(server.url())).at(0).text, "fine");
  const auto requests = server.requests();
  EXPECT_GE(requests[1].at - requests[0].at, std::chrono::milliseconds(900));
}

TEST(ChatEndpoint, WaitsForOtherQuestionsToo) {
  const ChatServer server(
      first_then_fine({completion("first"), http_response(429, "", "Retry-After: 1\r\n")}));
  auto options = options_for(server.url());
  options.retries = 0;
  options.concurrency = 1;
  ChatEndpoint endpoint(options);
  EXPECT_THAT(ask(endpoint, 3).at(1).fault, HasSubstr("HTTP 429"));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_GE(requests[2].at - requests[1].at, std::chrono::milliseconds(950));
}

TEST(ChatEndpoint, EndsWhereTheWaitWouldBeTooLong) {
  expect_error(first_then_fine({http_response(429, "{}", "Retry-After: 86400\r\n")}),
               {"asks to wait 24:00:00", "HTTP 429"});
}

TEST(ChatEndpoint, EndsAtOnceWhereNothingListens) {
  std::string url;
  {
    ChatServer server(first_then_fine({}));
    url = server.url();
  }
  EXPECT_THAT([&] { ask(options_for(url)); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr("no language model at " + url), HasSubstr("--source rules"))));
}

TEST(ChatEndpoint, EndsAtOnceWhereRepeatingIsInVain) {
  expect_error(first_then_fine({http_response(200, "<html>", "Content-Type: text/html\r\n")}),
               {"does not answer with a chat completion", "text/html"});
  expect_error(first_then_fine({http_response(401, "{\"error\": {\"message\": \"who?\"}}")}),
               {"refuses the key", "who?", "PCNET_API_KEY"});
  expect_error(first_then_fine({http_response(400, "{\"message\": \"no seed\"}")}),
               {"refuses the request", "HTTP 400 (no seed)", "--request"});
  expect_error(first_then_fine({http_response(301, "", "Location: http://elsewhere/v1\r\n")}),
               {"redirects to http://elsewhere/v1"});
  expect_error(
      first_then_fine({http_response(429, "{\"error\": {\"code\": \"insufficient_quota\"}}")}),
      {"the account is used up"});
  expect_error(
      [](const auto& request, std::size_t) {
        return request.head.starts_with("GET /v1/models")
                   ? http_response(200, "{\"data\": [{\"id\": \"a\"}, {\"id\": \"b\"}]}")
                   : http_response(404, "{\"error\": \"no such model\"}");
      },
      {"no model \"tiny\"", "no such model", "it lists a, b"});
}

TEST(ChatEndpoint, SurvivesJsonOfAnyDepth) {
  const std::string deep = std::string(250'000, '[') + std::string(250'000, ']');
  expect_error(first_then_fine({http_response(400, deep)}), {"HTTP 400 ([[[["});
  expect_error(first_then_fine({http_response(400, "{\"error\": " + deep + "}")}),
               {"HTTP 400 ({\"error\": [[[["});
  expect_error(first_then_fine({http_response(200, deep)}), {"holds no \"choices\""});
}

TEST(ChatEndpoint, EndsWhenNoTryEverSucceeded) {
  expect_error([](const auto&, std::size_t) { return http_response(500, "broken"); },
               {"gave no answer in 3 tries", "HTTP 500 (broken)"});
  expect_error(
      [](const auto&, std::size_t) {
        std::this_thread::sleep_for(std::chrono::milliseconds(400));
        return completion("late");
      },
      {"gave no answer in 2 tries", "time"},
      [](EndpointOptions& options) {
        options.seconds = 0.1;
        options.retries = 1;
      });
}

TEST(ChatEndpoint, GivesUpSingleQuestionsWhileOthersAreAnswered) {
  const ChatServer server([](const auto& request, std::size_t) {
    const std::string question = support::last_message(request);
    if (question == "question 3") return http_response(500, "never");
    if (question == "question 5") return http_response(400, "too odd");
    return completion("to " + question);
  });
  auto options = options_for(server.url());
  options.concurrency = 2;
  const auto replies = ask(options, 8);
  ASSERT_EQ(replies.size(), 8U);
  for (const auto& [id, reply] : replies) {
    const std::string wanted = id == 3 || id == 5 ? "" : "to question " + std::to_string(id);
    EXPECT_EQ(reply.text, wanted);
  }
  EXPECT_EQ(replies.at(3).fault, "HTTP 500 (never)");
  EXPECT_EQ(replies.at(5).fault, "HTTP 400 (too odd)");
}

TEST(ChatEndpoint, EndsWhenQuestionAfterQuestionIsInVain) {
  const ChatServer server([](const auto&, std::size_t n) {
    return n == 0 ? completion("fine") : http_response(500, "gone");
  });
  auto options = options_for(server.url());
  options.concurrency = 1;
  options.retries = 0;
  EXPECT_THAT([&] { ask(options, 20); },
              ThrowsMessage<core::Error>(HasSubstr("1 try to each of 3 questions")));
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST(ChatEndpoint, GivesOutTheRepliesBesideWhatEndsAllAsking) {
  const ChatServer server([](const auto& request, std::size_t) {
    const bool bad = support::last_message(request) == "question 0";
    return bad ? http_response(401, "{}") : completion("fine");
  });
  ChatEndpoint endpoint(options_for(server.url()));
  for (std::uint64_t id = 0; id < 4; ++id) {
    endpoint.ask(id, {{"user", "question " + std::to_string(id)}});
  }
  (void)endpoint.wait(0);  // all are sent
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  std::size_t replies = 0;
  EXPECT_THAT(
      [&] {
        for (int i = 0; i < 10; ++i) replies += endpoint.wait(0.2).size();
      },
      ThrowsMessage<core::Error>(HasSubstr("refuses the key")));
  EXPECT_EQ(replies, 3U);
}

TEST(ChatEndpoint, KeepsItsConcurrency) {
  const ChatServer server([](const auto&, std::size_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return completion("fine");
  });
  auto options = options_for(server.url());
  options.concurrency = 3;
  EXPECT_EQ(ask(options, 12).size(), 12U);
  EXPECT_EQ(server.most_at_once(), 3U);
}

TEST(ChatEndpoint, KeepsItsRate) {
  const ChatServer server(first_then_fine({}));
  auto options = options_for(server.url());
  options.requests_per_minute = 600;  // 0.1 s apart
  EXPECT_EQ(ask(options, 5).size(), 5U);
  const auto requests = server.requests();
  EXPECT_GE(requests.back().at - requests.front().at, std::chrono::milliseconds(390));
}

TEST(ChatEndpoint, SendsTheKeyAndHidesItInMessages) {
  ::setenv("PCNET_TEST_KEY", " secret-17\n", 1);
  const ChatServer server(
      first_then_fine({http_response(401, "{\"error\": \"wrong key secret-17\"}")}));
  auto options = options_for(server.url());
  options.key_variable = "PCNET_TEST_KEY";
  EXPECT_THAT([&] { ask(options); }, ThrowsMessage<core::Error>(AllOf(
                                         HasSubstr("wrong key ***"), HasSubstr("PCNET_TEST_KEY"),
                                         Not(HasSubstr("secret-17")))));
  EXPECT_THAT(server.requests().at(0).head, HasSubstr("Authorization: Bearer secret-17\r\n"));
  // A long message is shortened: not in the middle of the key.
  for (const std::size_t before : {288U, 294U, 299U, 300U}) {
    const std::string body = R"({"error": ")" + std::string(before, 'x') + R"(secret-17"})";
    const ChatServer cutting(first_then_fine({http_response(401, body)}));
    auto those = options_for(cutting.url());
    those.key_variable = "PCNET_TEST_KEY";
    EXPECT_THAT([&] { ask(those); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("xxx"), Not(HasSubstr("xse")))));
  }
  ::setenv("PCNET_TEST_KEY", "two\nlines", 1);
  EXPECT_THROW(ChatEndpoint{options}, core::UsageError);
  ::unsetenv("PCNET_TEST_KEY");
  EXPECT_THROW(ChatEndpoint{options}, core::UsageError);
}

TEST(ChatEndpoint, TakesTheOnlyModelThatTheServerLists) {
  const auto listing = [](const std::string& models) {
    return [models](const ChatServer::Request& request, std::size_t) {
      return request.head.starts_with("GET ") ? http_response(200, models) : completion("fine");
    };
  };
  const ChatServer one(listing("{\"data\": [{\"id\": \"only\"}]}"));
  auto options = options_for(one.url());
  options.model = "";
  EXPECT_EQ(ChatEndpoint(options).model(), "only");
  const ChatServer two(listing("{\"data\": [{\"id\": \"a\"}, {\"id\": \"b\"}]}"));
  options.url = two.url();
  EXPECT_THAT([&] { ChatEndpoint{options}; },
              ThrowsMessage<core::UsageError>(AllOf(HasSubstr("a, b"), HasSubstr("--model"))));
}

}  // namespace
}  // namespace pcnet::cues
