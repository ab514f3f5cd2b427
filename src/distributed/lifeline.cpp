#include "pcnet/distributed/lifeline.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"

namespace pcnet::distributed {

using core::cat;
using core::Error;

namespace {

constexpr char kFailed = 'F';
constexpr char kLeft = 'L';
constexpr int kHearMilliseconds = 20;
constexpr int kConnectMilliseconds = 5000;
constexpr int kWelcomeMilliseconds = 60000;  // until process 0 has listened to all before
constexpr int kHelloMilliseconds = 1000;     // between two letters of who connects
constexpr int kSilentMilliseconds = 20000;   // until a machine that does not answer is gone
constexpr std::size_t kMostBytes = 1 << 16;  // of a message
constexpr std::size_t kSecretDigits = 32;

std::string new_secret() {
  std::random_device random;
  std::string secret;
  while (secret.size() < kSecretDigits) secret += "0123456789abcdef"[random() % 16];
  return secret;
}

/// A message: what it is, the exit code, the length of the text, the text.
std::string message_of(char kind, int exit_code, const std::string& text) {
  const std::string cut = text.substr(0, kMostBytes);
  const std::array<std::uint32_t, 2> numbers = {htonl(static_cast<std::uint32_t>(exit_code)),
                                                htonl(static_cast<std::uint32_t>(cut.size()))};
  std::string bytes(1, kind);
  bytes.append(reinterpret_cast<const char*>(numbers.data()), sizeof(numbers));  // NOLINT
  return bytes + cut;
}

constexpr std::size_t kHead = 1 + 2 * sizeof(std::uint32_t);

std::uint32_t number_at(const std::string& bytes, std::size_t place) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + place, sizeof(value));
  return ntohl(value);
}

/// Sends all of it, or as much as the other side still takes.
void send_all(int socket, const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto count = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
      pollfd waits{.fd = socket, .events = POLLOUT, .revents = 0};
      if (errno == EAGAIN && ::poll(&waits, 1, kConnectMilliseconds) == 0) return;
      continue;
    }
    if (count <= 0) return;  // gone: the next look at it says so
    sent += static_cast<std::size_t>(count);
  }
}

/// So that a machine that loses its power is noticed, too.
void keep_alive(int socket) {
  const auto set = [socket](int level, int option, int value) {
    (void)::setsockopt(socket, level, option, &value, sizeof(value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kSilentMilliseconds);
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  (void)::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
}

int open_socket() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) throw Error(cat("no socket for the processes: ", std::strerror(errno)));
  return socket;
}

std::vector<std::string> own_addresses(bool everywhere) {
  if (!everywhere) return {"127.0.0.1"};
  std::vector<std::string> found;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return found;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    if ((one->ifa_flags & IFF_LOOPBACK) != 0 || (one->ifa_flags & IFF_UP) == 0) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    sockaddr_in address{};
    std::memcpy(&address, one->ifa_addr, sizeof(address));
    if (::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size()) != nullptr) {
      found.emplace_back(text.data());
    }
  }
  ::freeifaddrs(first);
  return found;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char letter : text) {
    if (letter == ' ') {
      words.emplace_back();
    } else {
      words.back() += letter;
    }
  }
  return words;
}

/// -1 for a word that is no number.
int number_of(const std::string& word) {
  int number = -1;
  const auto end = std::from_chars(word.data(), word.data() + word.size(), number).ptr;
  return end == word.data() + word.size() ? number : -1;
}

/// -1 when it cannot be reached.
int connect_to(const std::string& host, std::uint16_t port) {
  const int socket = open_socket();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  (void)::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  (void)::fcntl(socket, F_SETFL, O_NONBLOCK);
  const auto* place = reinterpret_cast<const sockaddr*>(&address);  // NOLINT: as the system asks
  int fault = ::connect(socket, place, sizeof(address)) == 0 ? 0 : errno;
  if (fault == EINPROGRESS) {
    pollfd waits{.fd = socket, .events = POLLOUT, .revents = 0};
    socklen_t size = sizeof(fault);
    if (::poll(&waits, 1, kConnectMilliseconds) == 1) {
      (void)::getsockopt(socket, SOL_SOCKET, SO_ERROR, &fault, &size);
    }
  }
  if (fault == 0) return socket;
  ::close(socket);
  return -1;
}

/// One line within `milliseconds`, or what came of it.
std::string line_from(int socket, int milliseconds) {
  std::string line;
  char letter = 0;
  pollfd waits{.fd = socket, .events = POLLIN, .revents = 0};
  while (line.size() < kMostBytes && ::poll(&waits, 1, milliseconds) == 1 &&
         ::recv(socket, &letter, 1, 0) == 1 && letter != '\n') {
    line += letter;
  }
  return line;
}

}  // namespace

Lifeline::Lifeline(Lifeline&& other) noexcept
    : address_(std::move(other.address_)),
      secret_(std::move(other.secret_)),
      listener_(std::exchange(other.listener_, -1)),
      size_(other.size_),
      peers_(std::exchange(other.peers_, {})),
      first_(std::move(other.first_)) {}

Lifeline::~Lifeline() {
  if (listener_ >= 0) ::close(listener_);
  for (const auto& [rank, peer] : peers_) {
    if (peer.socket >= 0) ::close(peer.socket);
  }
}

Lifeline Lifeline::lead(int size, bool everywhere) {
  Lifeline line;
  line.size_ = size;
  line.secret_ = new_secret();
  line.listener_ = open_socket();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(everywhere ? INADDR_ANY : INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* place = reinterpret_cast<sockaddr*>(&address);  // NOLINT: as the system asks
  if (::bind(line.listener_, place, length) != 0 || ::listen(line.listener_, SOMAXCONN) != 0 ||
      ::getsockname(line.listener_, place, &length) != 0) {
    throw Error(cat("process 0 cannot listen for the others: ", std::strerror(errno)));
  }
  line.address_ = cat(line.secret_, " ", ntohs(address.sin_port));
  for (const auto& host : own_addresses(everywhere)) line.address_ += " " + host;
  return line;
}

void Lifeline::accept_all(double seconds) {
  const core::Lap lap;
  while (static_cast<int>(peers_.size()) + 1 < size_) {
    const double left = seconds - lap.seconds();
    pollfd waits{.fd = listener_, .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&waits, 1, static_cast<int>(left * 1000) + 1) == 0) {
      throw Error(cat("only ", peers_.size(), " of ", size_ - 1,
                      " other processes have reached process 0 after ", seconds, " s"));
    }
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const auto words = words_of(line_from(socket, kHelloMilliseconds));
    const int rank = words.size() == 2 && words[0] == secret_ ? number_of(words[1]) : -1;
    if (rank < 1 || rank >= size_ || peers_.contains(rank)) {  // somebody else
      ::close(socket);
      continue;
    }
    keep_alive(socket);
    send_all(socket, "welcome\n");
    peers_[rank].socket = socket;
  }
  ::close(std::exchange(listener_, -1));
}

Lifeline Lifeline::join(int rank, const std::string& address) {
  Lifeline line;
  const auto words = words_of(address);
  const auto port = static_cast<std::uint16_t>(std::stoi(words.at(1)));
  for (std::size_t i = 2; i < words.size(); ++i) {
    const int socket = connect_to(words[i], port);
    if (socket < 0) continue;
    send_all(socket, cat(words[0], " ", rank, "\n"));
    if (line_from(socket, kWelcomeMilliseconds) != "welcome") {  // somebody else
      ::close(socket);
      continue;
    }
    keep_alive(socket);
    line.peers_[0].socket = socket;
    return line;
  }
  throw Error(cat("process ", rank, " cannot reach process 0 over TCP (",
                  address.substr(kSecretDigits + 1), "), through which a failure would be told"));
}

void Lifeline::read(int rank, Peer& peer) {
  std::array<char, 4096> bytes{};
  for (;;) {
    const auto count = ::recv(peer.socket, bytes.data(), bytes.size(), 0);
    if (count > 0) {
      peer.received.append(bytes.data(), static_cast<std::size_t>(count));
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    while (hear(rank, peer)) {
    }
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    ::close(std::exchange(peer.socket, -1));  // closed, or broken
    if (!peer.left && !first_) first_ = Failure{.rank = rank, .message = {}, .died = true};
    return;
  }
}

bool Lifeline::hear(int rank, Peer& peer) {
  const std::string& bytes = peer.received;
  if (bytes.size() < kHead) return false;
  const std::size_t length = number_at(bytes, 1 + sizeof(std::uint32_t));
  if (length > kMostBytes) {  // no word of ours: as good as dead
    if (!first_) first_ = Failure{.rank = rank, .message = {}, .died = true};
    peer.received.clear();
    return false;
  }
  if (bytes.size() < kHead + length) return false;
  if (bytes[0] == kFailed && !first_) {
    first_ = Failure{.rank = rank,
                     .message = bytes.substr(kHead, length),
                     .exit_code = static_cast<int>(number_at(bytes, 1))};
  }
  peer.left = true;  // after either word its end is none
  peer.received.erase(0, kHead + length);
  return true;
}

std::optional<Lifeline::Failure> Lifeline::failure() {
  for (auto& [rank, peer] : peers_) {
    if (peer.socket >= 0 && !first_) read(rank, peer);
  }
  return first_;
}

bool Lifeline::tell(const Failure& failure, double seconds) {
  Peer& leader = peers_.at(0);
  if (leader.socket < 0) return false;
  send_all(leader.socket, message_of(kFailed, failure.exit_code, failure.message));
  const core::Lap lap;
  while (leader.socket >= 0 && !leader.left && lap.seconds() < seconds) {
    read(0, leader);
    std::this_thread::sleep_for(std::chrono::milliseconds(kHearMilliseconds));
  }
  return leader.left;
}

void Lifeline::end_all(const Failure& failure) {
  for (auto& [rank, peer] : peers_) {
    if (peer.socket >= 0) {
      send_all(peer.socket, message_of(kFailed, failure.exit_code, failure.message));
    }
  }
}

void Lifeline::leave() {
  for (auto& [rank, peer] : peers_) {
    if (peer.socket >= 0) send_all(peer.socket, message_of(kLeft, 0, ""));
  }
}

}  // namespace pcnet::distributed
