// The program without its start: LibTorch is loaded once, and each call runs in a child that was
// forked before anything was computed. With `--serve N`, descriptor N is a socket: a call is its
// length in 4 bytes with three descriptors (stdin, stdout, stderr), then the folder and the
// arguments, each ended by a zero byte; the answer is the child's status as waitpid gives it.
// Without --serve this is the program, as `study` starts it.

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pcnet/core/process_end.h"

#include "program.h"

namespace {

constexpr std::size_t kStreams = 3;

struct Call {
  int streams[kStreams] = {-1, -1, -1};
  std::vector<std::string> words;  ///< the folder, then the arguments
};

bool read_whole(int socket, void* to, std::size_t count) {
  for (char* at = static_cast<char*>(to); count > 0;) {
    const ssize_t got = ::read(socket, at, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

/// The next call; nothing when the other side is gone.
std::optional<Call> receive(int socket) {
  Call call;
  std::uint32_t length = 0;
  iovec part{&length, sizeof length};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof call.streams)] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(socket, &message, 0) != sizeof length) return std::nullopt;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_len != CMSG_LEN(sizeof call.streams)) return std::nullopt;
  std::memcpy(call.streams, CMSG_DATA(header), sizeof call.streams);
  std::string text(length, '\0');
  if (!read_whole(socket, text.data(), text.size())) return std::nullopt;
  for (std::size_t at = 0; at < text.size();) {
    call.words.emplace_back(text.c_str() + at);
    at += call.words.back().size() + 1;
  }
  return call;
}

[[noreturn]] void run_here(Call& call) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (std::size_t i = 0; i < kStreams; ++i) {
    ::dup2(call.streams[i], static_cast<int>(i));
    ::close(call.streams[i]);
  }
  if (::chdir(call.words.front().c_str()) != 0) std::_Exit(127);
  std::string name = "pcnet";
  std::vector<char*> arguments = {name.data()};
  for (std::size_t i = 1; i < call.words.size(); ++i) arguments.push_back(call.words[i].data());
  const int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  pcnet::core::end_process(pcnet::app::run_program(count, arguments.data()));
}

int serve(int socket) {
  while (auto call = receive(socket)) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(socket);
      run_here(*call);
    }
    for (const int stream : call->streams) ::close(stream);
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
    if (::write(socket, &status, sizeof status) != sizeof status) return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--serve") return serve(std::atoi(argv[2]));
  pcnet::core::end_process(pcnet::app::run_program(argc, argv));
}
