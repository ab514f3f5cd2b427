#include "pcnet/cues/llm/language_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/json.h"

#include "support/chat_server.h"
#include "support/temporary_folder.h"

namespace pcnet::cues {
namespace {

using support::ChatServer;
using support::completion;
using support::http_response;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class LanguageModelTest : public ::testing::Test {
 protected:
  LanguageModelOptions options_for(const ChatServer& server) const {
    LanguageModelOptions options;
    options.endpoint.url = server.url();
    options.endpoint.model = "tiny";
    options.endpoint.first_pause = 0.01;
    options.endpoint.retries = 1;
    options.endpoint.concurrency = 1;
    options.prompt = {"Split.", "Short.", "None.", "Q: {sentence}"};
    options.answers = answers_;
    return options;
  }
  std::vector<Decomposition> decompose(const LanguageModelOptions& options,
                                       const std::vector<std::string>& expressions) {
    LanguageModel model(options);
    auto found = model.decompose(expressions, [](std::int64_t, const std::string&) {});
    tally_ = model.tally();
    return found;
  }

  support::TemporaryFolder folder_;
  std::filesystem::path answers_ = folder_ / "cues.answers.jsonl";
  Tally tally_;
};

/// Answers with the question's last line as the only cue.
std::string echo(const ChatServer::Request& request, std::size_t) {
  const std::string message = support::last_message(request);
  return completion("[\"" + message.substr(message.rfind("Q: ") + 3) + "\"]");
}

TEST_F(LanguageModelTest, AsksEachExpressionWithThePrompt) {
  const ChatServer server(echo);
  const auto found = decompose(options_for(server), {"red cup", "left man"});
  EXPECT_THAT(found[0].cues, ElementsAre("red cup"));
  EXPECT_THAT(found[1].cues, ElementsAre("left man"));
  EXPECT_FALSE(found[0].by_rules);
  EXPECT_EQ(support::last_message(server.requests().at(0)),
            "Split.\n\nShort.\n\nNone.\n\nQ: red cup");
  EXPECT_EQ(tally_.expressions, 2);
  EXPECT_EQ(tally_.traffic.requests, 2);
  EXPECT_EQ(tally_.traffic.prompt_tokens, 20);
}

TEST_F(LanguageModelTest, NeverAsksAgainForWhatIsInTheFile) {
  const ChatServer server(echo);
  decompose(options_for(server), {"red cup", "left man"});
  const auto found = decompose(options_for(server), {"left man", "red cup", "blue plate"});
  EXPECT_THAT(found[0].cues, ElementsAre("left man"));
  EXPECT_THAT(found[2].cues, ElementsAre("blue plate"));
  EXPECT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(tally_.known, 2);
}

TEST_F(LanguageModelTest, DoesNotUseAnswersToAnotherPromptModelOrSetting) {
  const ChatServer server(echo);
  auto options = options_for(server);
  decompose(options, {"red cup"});
  options.prompt.instruction = "Other.";
  decompose(options, {"red cup"});
  options.endpoint.model = "large";
  decompose(options, {"red cup"});
  options.endpoint.temperature = 0.5;
  decompose(options, {"red cup"});
  EXPECT_EQ(server.requests().size(), 4U);
  decompose(options_for(server), {"red cup"});  // the first answer is still there
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST_F(LanguageModelTest, AsksAgainWithWhatWasWrongThenTakesTheRules) {
  const ChatServer server([](const auto& request, std::size_t) {
    const bool again = support::last_message(request).find("cannot be used") != std::string::npos;
    return completion(again ? "[\"the red cup\"]" : "[\"a shiny thing\"]");
  });
  auto found = decompose(options_for(server), {"the red cup"});
  EXPECT_THAT(found[0].cues, ElementsAre("the red cup"));
  EXPECT_EQ(tally_.asked_again, 1);
  const auto body = pcnet::core::parse_json<nlohmann::json>(server.requests().at(1).body);
  ASSERT_EQ(body.at("messages").size(), 3U);
  EXPECT_EQ(body["messages"][1]["content"], "[\"a shiny thing\"]");
  EXPECT_THAT(body["messages"][2]["content"].get<std::string>(), HasSubstr("does not say shiny"));

  found = decompose(options_for(server), {"blue plate on the left"});
  EXPECT_TRUE(found[0].by_rules);
  EXPECT_THAT(found[0].cues, ElementsAre("plate", "blue plate", "plate on the left"));
  EXPECT_EQ(tally_.invalid, 1);
  // Two answers that could not be used are known as such: nobody is asked a third time.
  const std::size_t asked = server.requests().size();
  EXPECT_TRUE(decompose(options_for(server), {"blue plate on the left"})[0].by_rules);
  EXPECT_EQ(server.requests().size(), asked);
}

TEST_F(LanguageModelTest, GivesWhatIsNeverAnsweredToTheRulesAndAsksTheNextTime) {
  bool well = false;
  const ChatServer server([&](const ChatServer::Request& request, std::size_t n) {
    const bool stuck = support::last_message(request).find("Q: red cup") != std::string::npos;
    return stuck && !well ? http_response(500, "stuck") : echo(request, n);
  });
  const auto found = decompose(options_for(server), {"left man", "red cup", "blue plate"});
  EXPECT_TRUE(found[1].by_rules);
  EXPECT_THAT(found[1].cues, ElementsAre("cup", "red cup"));
  EXPECT_EQ(tally_.unanswered, 1);
  well = true;
  EXPECT_FALSE(decompose(options_for(server), {"left man", "red cup"})[1].by_rules);
}

TEST_F(LanguageModelTest, KeepsEveryAnswerWhenTheEndpointFails) {
  const ChatServer server([](const ChatServer::Request& request, std::size_t n) {
    return n < 2 ? echo(request, n) : http_response(401, "{}");
  });
  EXPECT_THAT(
      [&] {
        decompose(options_for(server), {"red cup", "left man", "blue plate"});
      },
      ThrowsMessage<core::Error>(AllOf(HasSubstr("refuses the key"),
                                       HasSubstr("2 of 3 expressions are done"),
                                       HasSubstr(answers_.string()))));
  const LanguageModel model(options_for(server));
  EXPECT_EQ(model.open_questions({"red cup", "left man", "blue plate"}), 1);
}

TEST_F(LanguageModelTest, GoesOnAfterATornOrForeignLine) {
  const ChatServer server(echo);
  decompose(options_for(server), {"red cup", "left man", "blue plate"});
  std::string text = core::read_file(answers_);
  const std::size_t second = text.find('\n', text.find('\n') + 1) + 1;
  text.insert(second, "{\"text\": 3}\nnonsense\n[]\n");
  text.resize(text.size() - 4);  // the last answer is torn
  core::write_file(answers_, text);
  const auto found = decompose(options_for(server), {"red cup", "left man", "blue plate"});
  EXPECT_THAT(found[2].cues, ElementsAre("blue plate"));
  EXPECT_EQ(server.requests().size(), 4U);
  EXPECT_EQ(tally_.known, 2);
}

TEST_F(LanguageModelTest, IsUsedByOneProcessAtATime) {
  const ChatServer server(echo);
  const LanguageModel first(options_for(server));
  EXPECT_THAT([&] { LanguageModel{options_for(server)}; },
              ThrowsMessage<core::Error>(HasSubstr("another process is writing")));
}

TEST_F(LanguageModelTest, CountsPhrasesThatItLeavesOut) {
  const ChatServer server([](const auto&, std::size_t) {
    return completion("[\"the red cup\", \"a big cup\", \"cup of tea\"]");
  });
  EXPECT_THAT(decompose(options_for(server), {"the red cup"})[0].cues, ElementsAre("the red cup"));
  EXPECT_EQ(tally_.left_out, 2);
}

}  // namespace
}  // namespace pcnet::cues
