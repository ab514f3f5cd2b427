#include "pcnet/distributed/lifeline.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pcnet/core/lap.h"

namespace pcnet::distributed {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr double kPatience = 10;  // seconds

/// A process 0 with one other.
struct Pair {
  Pair() : leader(Lifeline::lead(2, /*everywhere=*/false)) {
    std::jthread joining([this] { other.emplace(Lifeline::join(1, leader.address())); });
    leader.accept_all(kPatience);
  }

  Lifeline leader;
  std::optional<Lifeline> other;
};

std::optional<Lifeline::Failure> awaited(Lifeline& line) {
  const core::Lap lap;
  auto failure = line.failure();
  while (!failure && lap.seconds() < kPatience) failure = line.failure();
  return failure;
}

std::uint16_t port_of(const std::string& address) {
  const std::size_t first = address.find(' ');
  return static_cast<std::uint16_t>(std::stoi(address.substr(first + 1)));
}

/// A stranger that says something to the port of an address, and stays.
int stranger(const std::string& address, const std::string& words) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(port_of(address));
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&place), sizeof(place)), 0);  // NOLINT
  EXPECT_EQ(::send(socket, words.data(), words.size(), 0), static_cast<ssize_t>(words.size()));
  return socket;
}

TEST(Lifeline, SaysNothingWhileAllLive) {
  Pair pair;
  EXPECT_FALSE(pair.leader.failure());
  EXPECT_FALSE(pair.other->failure());
}

TEST(Lifeline, TellsAFailureAndItsEnd) {
  Pair pair;
  std::jthread failing([&] {
    EXPECT_TRUE(pair.other->tell({.rank = 1, .message = "no disk", .exit_code = 3}, kPatience));
  });
  const auto heard = awaited(pair.leader);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->rank, 1);
  EXPECT_EQ(heard->message, "no disk");
  EXPECT_EQ(heard->exit_code, 3);
  EXPECT_FALSE(heard->died);
  pair.leader.end_all(*heard);
}

TEST(Lifeline, TellsADeathByTheEndOfTheConnection) {
  Pair pair;
  pair.other.reset();
  const auto heard = awaited(pair.leader);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->rank, 1);
  EXPECT_TRUE(heard->died);
  EXPECT_TRUE(pair.leader.failure());  // and stays told
}

TEST(Lifeline, TellsThatNobodyIsThereToHear) {
  auto pair = std::make_unique<Pair>();
  std::optional<Lifeline> other(std::move(*pair->other));
  pair.reset();
  EXPECT_FALSE(other->tell({.rank = 1, .message = "late", .exit_code = 1}, kPatience));
  const auto heard = awaited(*other);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->rank, 0);
  EXPECT_TRUE(heard->died);
}

TEST(Lifeline, IsNoDeathAfterAWordOfParting) {
  Pair pair;
  pair.other->leave();
  pair.other.reset();
  for (int look = 0; look < 100; ++look) EXPECT_FALSE(pair.leader.failure());
}

TEST(Lifeline, CutsAMessageThatIsTooLong) {
  Pair pair;
  pair.leader.end_all({.rank = 0, .message = std::string(1 << 20, 'x'), .exit_code = 1});
  const auto heard = awaited(*pair.other);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->message.size(), 1U << 16U);
}

TEST(Lifeline, DoesNotListenToStrangers) {
  Lifeline leader = Lifeline::lead(2, /*everywhere=*/false);
  const int wrong = stranger(leader.address(), "0123456789abcdef0123456789abcdef 1\n");
  const int garbage = stranger(leader.address(), std::string(5000, '\xff') + "\n");
  const std::string secret = leader.address().substr(0, leader.address().find(' '));
  const int nobody = stranger(leader.address(), secret + " seven\n");
  const int beyond = stranger(leader.address(), secret + " 2\n");
  std::optional<Lifeline> other;
  {
    std::jthread joining([&] { other.emplace(Lifeline::join(1, leader.address())); });
    leader.accept_all(kPatience);
  }
  for (const int socket : {wrong, garbage, nobody, beyond}) ::close(socket);
  EXPECT_FALSE(leader.failure());
}

TEST(Lifeline, EndsAConnectionThatSpeaksAnotherLanguage) {
  Lifeline leader = Lifeline::lead(2, /*everywhere=*/false);
  const std::string secret = leader.address().substr(0, leader.address().find(' '));
  const int socket = stranger(leader.address(), secret + " 1\n");
  leader.accept_all(kPatience);
  const std::string words = std::string("F") + std::string(4, '\0') + "\xff\xff\xff\xff and on";
  EXPECT_EQ(::send(socket, words.data(), words.size(), 0), static_cast<ssize_t>(words.size()));
  const auto heard = awaited(leader);
  ASSERT_TRUE(heard);
  EXPECT_TRUE(heard->died);
  ::close(socket);
}

TEST(Lifeline, SaysHowManyAreMissing) {
  Lifeline leader = Lifeline::lead(3, /*everywhere=*/false);
  std::optional<Lifeline> other;
  const std::jthread joining([&] { other.emplace(Lifeline::join(1, leader.address())); });
  EXPECT_THAT([&] { leader.accept_all(1); },
              ThrowsMessage<core::Error>(HasSubstr("only 1 of 2 other processes")));
}

TEST(Lifeline, SaysThatProcess0CannotBeReached) {
  std::string address;
  {
    const Lifeline gone = Lifeline::lead(2, /*everywhere=*/false);
    address = gone.address();
  }
  EXPECT_THAT([&] { (void)Lifeline::join(1, address); },
              ThrowsMessage<core::Error>(HasSubstr("process 1 cannot reach process 0")));
}

}  // namespace
}  // namespace pcnet::distributed
