#include "pcnet/serve/asker.h"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/model/pcnet.h"
#include "pcnet/serve/call.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/lively.h"
#include "support/tiny.h"

namespace pcnet::serve {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

class AskerTest : public ::testing::Test {
 protected:
  AskerTest() {
    torch::manual_seed(4);
    model_ = model::PCNet(support::tiny_model("improved"), tokenizer_.vocabulary_size());
    support::make_lively(*model_, 4);
    responder_.emplace(model_.ptr(), tokenizer_,
                       engine::ModelResponder::Options{.device = torch::kCPU,
                                                       .text_length = 9,
                                                       .truncate = text::Truncate::kKeepEnd,
                                                       .align_corners = true});
  }

  static engine::Query query(std::int64_t seed, std::vector<std::string> texts) {
    torch::manual_seed(static_cast<std::uint64_t>(seed));
    return {torch::randint(0, 256, {3, 32, 32}, torch::kByte), 32, 32, std::move(texts), {}};
  }

  at::Tensor alone(const engine::Query& query) const {
    const std::vector<at::Tensor> pictures = {query.picture};
    return responder_->cosines(responder_->look(pictures), {&query, 1}).front();
  }

  static Deadline soon() { return steady_clock::now() + seconds(60); }

  text::WordTokenizer tokenizer_{{"cup", "left", "red", "star"}};
  model::PCNet model_ = nullptr;
  std::optional<engine::ModelResponder> responder_;
  Figures figures_;
};

TEST_F(AskerTest, AnswersManyAtOnceAsEachAlone) {
  constexpr int kClients = 12;
  std::vector<engine::Query> queries;
  for (int i = 0; i < kClients; ++i) {
    queries.push_back(i % 3 == 0 ? query(i, {"red cup", "left star"}) : query(i, {"left cup"}));
  }
  std::vector<Asker::Answer> answers(kClients);
  {
    Asker asker(*responder_, /*most_images=*/4, figures_);
    std::vector<std::thread> clients;
    for (std::size_t i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] { answers[i] = asker.ask(queries[i], {}, soon()); });
    }
    for (auto& client : clients) client.join();
  }
  for (std::size_t i = 0; i < kClients; ++i) {
    const at::Tensor wanted = alone(queries[i]);
    EXPECT_TRUE(at::allclose(answers[i].cosines, wanted, 1e-5, 1e-6)) << i;
    EXPECT_GT(wanted.std().item<double>(), 1e-3);  // the answers differ from place to place
  }
  EXPECT_THAT(figures_.text({}), HasSubstr("pcnet_encoded_images_total 12\n"));
}

TEST_F(AskerTest, DoesNotEncodeWhatWasKept) {
  Asker asker(*responder_, 4, figures_);
  const engine::Query first = query(1, {"red cup"});
  const auto answer = asker.ask(first, {}, soon());
  engine::Query second = first;
  second.picture = at::Tensor();
  second.texts = {"left star"};
  const auto again = asker.ask(second, answer.seen, soon());
  second.picture = first.picture;
  EXPECT_TRUE(at::allclose(again.cosines, alone(second), 1e-5, 1e-6));
  EXPECT_THAT(figures_.text({}), HasSubstr("pcnet_encoded_images_total 1\n"));
  EXPECT_THAT(figures_.text({}), HasSubstr("pcnet_batch_images_total 2\n"));
}

TEST_F(AskerTest, OneThatFailsDoesNotHarmItsNeighbours) {
  Asker asker(*responder_, 8, figures_);
  std::vector<std::thread> clients;
  std::atomic<int> answered = 0;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&, i] {
      try {
        (void)asker.ask(query(i, {i % 4 == 0 ? "zebra" : "red cup"}), {}, soon());
        ++answered;
      } catch (const core::UsageError&) {
        ++failed;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(answered, 12);
  EXPECT_EQ(failed, 4);
  EXPECT_THAT(figures_.text({}), HasSubstr("pcnet_encoded_images_total 16\n"));
}

TEST_F(AskerTest, SaysThatTheTimeHasPassed) {
  Asker asker(*responder_, 4, figures_);
  try {
    (void)asker.ask(query(1, {"red cup"}), {}, steady_clock::now() - seconds(1));
    FAIL();
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 503);
  }
}

}  // namespace
}  // namespace pcnet::serve
