#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pcnet::distributed {

/// A connection of every process with process 0, over which a failure is told, and whose end tells
/// a death: the kernel closes it, however a process ends. Message passing alone would wait for
/// ever.
///
/// Process 0 listens first and hands out its address; the others connect to it.
class Lifeline {
 public:
  struct Failure {
    int rank = 0;
    std::string message;
    int exit_code = 1;
    bool died = false;  ///< without a word
  };

  /// Process 0 of `size`. @param everywhere also on the addresses of its network, for processes of
  /// other machines
  static Lifeline lead(int size, bool everywhere);
  /// Another one. Error when no address of process 0 can be reached.
  static Lifeline join(int rank, const std::string& address);

  ~Lifeline();
  Lifeline(Lifeline&& other) noexcept;
  Lifeline& operator=(Lifeline&&) = delete;

  /// Process 0: where the others connect, with a secret that strangers do not know.
  const std::string& address() const { return address_; }
  /// Process 0: takes the connections of all others in. Error after `seconds`.
  void accept_all(double seconds);

  /// The first failure that has been told, or a death; looks, and does not wait.
  std::optional<Failure> failure();

  /// Not process 0: tells process 0 of a failure, and waits until it ends the work or is gone, at
  /// most `seconds`. @return whether it was there to hear
  bool tell(const Failure& failure, double seconds);
  /// Process 0: ends the work of the others, who then see its `failure`.
  void end_all(const Failure& failure);
  /// The end of the connection to come is no death.
  void leave();

 private:
  struct Peer {
    int socket = -1;
    std::string received;
    bool left = false;
  };
  Lifeline() = default;
  void read(int rank, Peer& peer);
  bool hear(int rank, Peer& peer);

  std::string address_;
  std::string secret_;
  int listener_ = -1;
  int size_ = 0;
  std::map<int, Peer> peers_;  // by rank
  std::optional<Failure> first_;
};

}  // namespace pcnet::distributed
