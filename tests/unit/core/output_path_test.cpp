#include "pcnet/core/output_path.h"

#include <array>
#include <csignal>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/line_file.h"
#include "pcnet/core/partial_file.h"

#include "support/temporary_folder.h"

namespace pcnet::core {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr uid_t kNobody = 65534;

class OutputPath : public ::testing::Test {
 protected:
  std::ptrdiff_t entries() const {
    return std::distance(fs::directory_iterator(folder_.path()), {});
  }

  mode_t mode_of(const fs::path& path) const {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode;
  }

  fs::path pipe() const {
    const fs::path path = folder_ / "pipe";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
  }

  support::TemporaryFolder folder_;
};

/// What a reader gets from a pipe until its writer closes it.
std::string read_pipe(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY);
  std::string text;
  std::array<char, 64> some{};
  for (ssize_t got = 0; (got = ::read(descriptor, some.data(), some.size())) > 0;) {
    text.append(some.data(), static_cast<std::size_t>(got));
  }
  ::close(descriptor);
  return text;
}

/// Runs `work` in a child process without root's rights; true when it answers so.
template <class Work>
bool without_rights(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool given_up = ::geteuid() != 0 || ::setuid(kNobody) == 0;
    ::_exit(given_up && work() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

template <class Work>
std::string message_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_F(OutputPath, LeadsThroughLinksToTheirLastName) {
  fs::create_directories(folder_ / "inside");
  fs::create_symlink("../file", folder_ / "inside/second");
  fs::create_symlink("inside/second", folder_ / "first");
  EXPECT_EQ(fs::weakly_canonical(follow_links(folder_ / "first")),
            fs::canonical(folder_.path()) / "file");
  EXPECT_EQ(follow_links(folder_ / "file"), folder_ / "file");
  EXPECT_EQ(follow_links("plain"), "plain");
}

TEST_F(OutputPath, ReplacesWhatALinkLeadsTo) {
  write_file(folder_ / "file", "old");
  fs::create_symlink("file", folder_ / "link");
  write_file(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "file"), "new");
  EXPECT_EQ(entries(), 2);
}

TEST_F(OutputPath, MakesTheFileOfALinkThatLeadsToNothing) {
  fs::create_directory(folder_ / "far");
  fs::create_symlink("far/file", folder_ / "link");
  write_file(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "far/file"), "new");
}

TEST_F(OutputPath, NamesTheLinkAndWhereItLeadsWhenTheFolderThereIsMissing) {
  fs::create_symlink("none/file", folder_ / "link");
  EXPECT_THAT([&] { AtomicFile{folder_ / "link"}; },
              ThrowsMessage<Error>(AllOf(HasSubstr("/link (a link to "), HasSubstr("none/file"),
                                         HasSubstr("No such file or directory"))));
  EXPECT_EQ(entries(), 1);
}

TEST_F(OutputPath, RefusesLinksInACircle) {
  fs::create_symlink("b", folder_ / "a");
  fs::create_symlink("a", folder_ / "b");
  EXPECT_THAT([&] { AtomicFile{folder_ / "a"}; },
              ThrowsMessage<Error>(AllOf(HasSubstr("cannot write"), HasSubstr("symbolic links"))));
  EXPECT_EQ(entries(), 2);
}

TEST_F(OutputPath, WritesStraightIntoAPipe) {
  const fs::path path = pipe();
  std::string got;
  std::thread reader([&] { got = read_pipe(path); });
  AtomicFile file(path);
  EXPECT_TRUE(file.is_stream());
  file.write("one ");
  file.write("two");
  file.commit();
  reader.join();
  EXPECT_EQ(got, "one two");
  EXPECT_EQ(file.bytes(), 7U);
  EXPECT_TRUE(fs::is_fifo(path));
  EXPECT_EQ(entries(), 1);
}

TEST_F(OutputPath, SaysThatAPipeHasNoReaderAndWaitsForOne) {
  const fs::path path = pipe();
  fs::create_symlink("pipe", folder_ / "link");
  std::string got;
  ::testing::internal::CaptureStderr();
  std::thread reader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    got = read_pipe(path);
  });
  write_file(folder_ / "link", "late");
  reader.join();
  EXPECT_EQ(got, "late");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("waiting until something reads the pipe"), HasSubstr("/pipe")));
}

TEST_F(OutputPath, TellsThatTheReaderOfAPipeWentAway) {
  const fs::path path = pipe();
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  AtomicFile file(path);
  ::close(reader);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  EXPECT_THAT([&] { file.write("x"); },
              ThrowsMessage<Error>(AllOf(HasSubstr(path.string()), HasSubstr("Broken pipe"))));
  std::signal(SIGPIPE, before);
}

TEST_F(OutputPath, WritesIntoADeviceThatStaysOne) {
  const fs::path null = folder_ / "null";
  const fs::path full = folder_ / "full";
  if (::mknod(null.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0 ||
      ::mknod(full.c_str(), S_IFCHR | 0600, makedev(1, 7)) != 0) {
    GTEST_SKIP() << "only root may make devices";
  }
  if (::access(null.c_str(), W_OK) != 0 ||
      std::string(message_of([&] { AtomicFile{null}; })) != "") {
    GTEST_SKIP() << "this disk has no devices";
  }
  write_file(null, "gone");
  EXPECT_THAT([&] { write_file(full, "x"); },
              ThrowsMessage<Error>(AllOf(HasSubstr(full.string()), HasSubstr("No space left"))));
  EXPECT_TRUE(fs::is_character_file(null));
  EXPECT_TRUE(fs::is_character_file(full));
  EXPECT_EQ(entries(), 2);
}

TEST_F(OutputPath, RefusesASocket) {
  const fs::path path = folder_ / "socket";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_THAT([&] { AtomicFile{path}; }, ThrowsMessage<Error>(HasSubstr("it is a socket")));
  ::close(socket);
  EXPECT_TRUE(fs::is_socket(path));
}

// As `--out /dev/stdout` behind the shell's `> file`: the file is written already, and by others.
TEST_F(OutputPath, WritesBehindWhatAnOpenDescriptorHasWritten) {
  const fs::path path = folder_ / "file";
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ASSERT_EQ(::write(descriptor, "before ", 7), 7);
  fs::create_symlink("/proc/self/fd/" + std::to_string(descriptor), folder_ / "link");
  write_file(folder_ / "link", "here ");
  ASSERT_EQ(::write(descriptor, "after", 5), 5);
  ::close(descriptor);
  EXPECT_EQ(read_file(path), "before here after");
  EXPECT_EQ(entries(), 2);
}

TEST_F(OutputPath, RefusesADescriptorThatIsReadOnly) {
  write_file(folder_ / "file", "old");
  const int descriptor = ::open((folder_ / "file").c_str(), O_RDONLY);
  const fs::path path = "/proc/self/fd/" + std::to_string(descriptor);
  fs::create_symlink(path, folder_ / "link");
  EXPECT_THAT([&] { AtomicFile{folder_ / "link"}; },
              ThrowsMessage<Error>(HasSubstr("/link: Bad file descriptor")));
  ::close(descriptor);
}

TEST_F(OutputPath, KnowsStdoutByItsNames) {
  EXPECT_TRUE(is_stdout("/dev/stdout"));
  EXPECT_TRUE(is_stdout("/dev/fd/1"));
  EXPECT_FALSE(is_stdout("/dev/stderr"));
  EXPECT_FALSE(is_stdout("/dev/null"));
  EXPECT_FALSE(is_stdout(folder_ / "file"));
}

TEST_F(OutputPath, KeepsTheModeOfAFileAndGivesANewOneThatOfTheUmask) {
  const mode_t before = ::umask(027);
  write_file(folder_ / "new", "x");
  ::umask(before);
  EXPECT_EQ(mode_of(folder_ / "new") & 0777U, 0640U);
  fs::permissions(folder_ / "new", fs::perms{0604});
  write_file(folder_ / "new", "y");
  EXPECT_EQ(mode_of(folder_ / "new") & 0777U, 0604U);
  PartialFile partial(folder_ / "new");
  partial.write(0, "z");
  partial.commit();
  EXPECT_EQ(read_file(folder_ / "new"), "z");
  EXPECT_EQ(mode_of(folder_ / "new") & 0777U, 0604U);
}

TEST_F(OutputPath, KeepsTheOwnerOfAFileThatRootReplaces) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root writes the files of others";
  write_file(folder_ / "file", "old");
  ASSERT_EQ(::chown((folder_ / "file").c_str(), kNobody, kNobody), 0);
  write_file(folder_ / "file", "new");
  struct stat status {};
  ASSERT_EQ(::stat((folder_ / "file").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kNobody);
  EXPECT_EQ(status.st_gid, kNobody);
}

TEST_F(OutputPath, DoesNotReplaceAWriteProtectedFile) {
  fs::permissions(folder_.path(), fs::perms::all);
  write_file(folder_ / "file", "old");
  fs::permissions(folder_ / "file", fs::perms{0444});
  EXPECT_TRUE(without_rights([&] {
    return message_of([&] { AtomicFile{folder_ / "file"}; }).find("Permission denied") !=
           std::string::npos;
  }));
  EXPECT_EQ(read_file(folder_ / "file"), "old");
  EXPECT_EQ(entries(), 1);
}

TEST_F(OutputPath, WritesThroughALinkInAFolderThatCannotBeWritten) {
  fs::create_directories(folder_ / "closed");
  fs::create_directories(folder_ / "open");
  fs::permissions(folder_ / "open", fs::perms::all);
  fs::create_symlink("../open/file", folder_ / "closed/link");
  fs::permissions(folder_ / "closed", fs::perms{0555});
  fs::permissions(folder_.path(), fs::perms{0755});
  EXPECT_TRUE(without_rights(
      [&] { return message_of([&] { write_file(folder_ / "closed/link", "new"); }).empty(); }));
  EXPECT_EQ(read_file(folder_ / "open/file"), "new");
  fs::permissions(folder_ / "closed", fs::perms{0755});  // to be removed again
}

TEST_F(OutputPath, IsRefusedByFilesThatAreNotWrittenFrontToBack) {
  const fs::path path = pipe();
  fs::create_symlink("pipe", folder_ / "link");
  const auto refused =
      ThrowsMessage<Error>(HasSubstr("/link: it is a pipe, wanted a regular file"));
  EXPECT_THAT([&] { require_regular_file(folder_ / "link"); }, refused);
  const auto pipe_refused = ThrowsMessage<Error>(HasSubstr("it is a pipe, wanted a regular file"));
  EXPECT_THAT([&] { PartialFile{folder_ / "link"}; }, pipe_refused);
  EXPECT_THAT([&] { LineFile{folder_ / "link"}; }, pipe_refused);
  EXPECT_THAT([] { require_regular_file("/proc/self/fd/1"); },
              ThrowsMessage<Error>(HasSubstr("it is an open stream")));
  require_regular_file(folder_ / "none");
  EXPECT_TRUE(fs::is_fifo(path));
  EXPECT_EQ(entries(), 2);
}

TEST_F(OutputPath, OfPartialAndLineFilesMayBeALink) {
  fs::create_symlink("pack", folder_ / "pack_link");
  PartialFile pack(folder_ / "pack_link");
  pack.write(0, "x");
  pack.commit();
  EXPECT_TRUE(fs::is_symlink(folder_ / "pack_link"));
  EXPECT_EQ(read_file(folder_ / "pack"), "x");
  fs::create_symlink("lines", folder_ / "lines_link");
  { const LineFile lines(folder_ / "lines_link"); }  // one that stays empty goes, its link does not
  EXPECT_FALSE(fs::exists(folder_ / "lines"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "lines_link"));
}

}  // namespace
}  // namespace pcnet::core
