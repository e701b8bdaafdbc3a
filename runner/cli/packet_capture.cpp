#include "runner/cli/packet_capture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstring>
#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace egressproof::cli {
namespace {

constexpr std::uint32_t magic = 0xa1b2c3d4;
constexpr std::uint32_t snap_length = 262144;
constexpr std::uint32_t link_ethernet = 1;
constexpr int buffer_bytes = 8 << 20;

template <class Number>
void put(std::string& bytes, Number number) {
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof number);
  bytes.append(raw, sizeof number);
}

// In the network namespace of the calling thread.
Result<UniqueFd> packet_socket(const std::string& interface) {
  const unsigned index = ::if_nametoindex(interface.c_str());
  if (index == 0) return tl::unexpected(system_error(ErrorKind::environment, "if_nametoindex('" + interface + "')"));
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return tl::unexpected(system_error(ErrorKind::environment, "socket(AF_PACKET)"));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on) != 0)
    return tl::unexpected(system_error(ErrorKind::environment, "setsockopt(SO_TIMESTAMP)"));
  sockaddr_ll where{};
  where.sll_family = AF_PACKET;
  where.sll_protocol = htons(ETH_P_ALL);
  where.sll_ifindex = static_cast<int>(index);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
    return tl::unexpected(system_error(ErrorKind::environment, "bind('" + interface + "')"));
  return fd;
}

std::chrono::microseconds time_of(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SO_TIMESTAMP) continue;
    timeval time{};
    std::memcpy(&time, CMSG_DATA(part), sizeof time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  }
  return clock_now();
}

}  // namespace

std::string pcap_header() {
  std::string bytes;
  put(bytes, magic);
  put(bytes, std::uint16_t{2});
  put(bytes, std::uint16_t{4});
  put(bytes, std::uint32_t{0});  // times are UTC
  put(bytes, std::uint32_t{0});
  put(bytes, snap_length);
  put(bytes, link_ethernet);
  return bytes;
}

std::string pcap_record(std::chrono::microseconds at, std::string_view packet, std::uint32_t original_size) {
  constexpr std::int64_t million = 1000000;
  std::string bytes;
  put(bytes, static_cast<std::uint32_t>(at.count() / million));
  put(bytes, static_cast<std::uint32_t>(at.count() % million));
  put(bytes, static_cast<std::uint32_t>(packet.size()));
  put(bytes, original_size);
  bytes.append(packet);
  return bytes;
}

struct PacketCapture::Impl {
  std::filesystem::path file;
  std::ofstream out;
  UniqueFd socket, wake;
  std::uint64_t packets = 0;
  std::thread thread;

  // All that is there.
  void drain() {
    std::vector<char> buffer(snap_length);
    std::array<char, 256> control{};
    for (;;) {
      iovec part{buffer.data(), buffer.size()};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const ssize_t got = ::recvmsg(socket.get(), &message, MSG_TRUNC);
      if (got < 0) return;
      const auto size = static_cast<std::size_t>(got);
      out << pcap_record(time_of(message), std::string_view(buffer.data(), std::min(size, buffer.size())),
                         static_cast<std::uint32_t>(size));
      ++packets;
    }
  }

  void follow() {
    for (;;) {
      std::array<pollfd, 2> waited = {pollfd{socket.get(), POLLIN, 0}, pollfd{wake.get(), POLLIN, 0}};
      if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) return;
      drain();
      if (waited[1].revents != 0) return;
    }
  }

  void end() {
    if (!thread.joinable()) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake.get(), &one, sizeof one);
    thread.join();
  }

  ~Impl() { end(); }
};

PacketCapture::PacketCapture(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PacketCapture::PacketCapture(PacketCapture&&) noexcept = default;
PacketCapture& PacketCapture::operator=(PacketCapture&&) noexcept = default;
PacketCapture::~PacketCapture() = default;

Result<PacketCapture> PacketCapture::start(int pid, const std::string& interface, const std::filesystem::path& file) {
  const std::string place = "/proc/" + std::to_string(pid) + "/ns/net";
  const UniqueFd ns(::open(place.c_str(), O_RDONLY | O_CLOEXEC));
  if (!ns.valid()) return tl::unexpected(system_error(ErrorKind::environment, "open('" + place + "')"));
  auto impl = std::make_unique<Impl>();
  impl->file = file;
  std::error_code ignored;  // told by what cannot be written then
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), ignored);
  impl->out.open(file, std::ios::binary | std::ios::trunc);
  impl->out << pcap_header();
  if (!impl->out) return fail(ErrorKind::environment, "cannot write '" + file.string() + "'");
  impl->wake = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  // The namespace is the thread's alone: this process stays where it is.
  std::promise<Result<void>> ready;
  auto begun = ready.get_future();
  impl->thread = std::thread([&ready, raw = impl.get(), interface, fd = ns.get()] {
    if (::setns(fd, CLONE_NEWNET) != 0)
      return ready.set_value(tl::unexpected(system_error(ErrorKind::environment, "setns(CLONE_NEWNET)")));
    auto socket = packet_socket(interface);
    if (!socket) return ready.set_value(tl::unexpected(socket.error()));
    raw->socket = std::move(*socket);
    ready.set_value({});
    raw->follow();
  });
  if (auto made = begun.get(); !made) return tl::unexpected(made.error());
  return PacketCapture(std::move(impl));
}

Result<std::uint64_t> PacketCapture::stop() {
  impl_->end();
  impl_->out.close();
  if (!impl_->out) return fail(ErrorKind::environment, "cannot write '" + impl_->file.string() + "'");
  tpacket_stats counts{};
  socklen_t size = sizeof counts;
  if (::getsockopt(impl_->socket.get(), SOL_PACKET, PACKET_STATISTICS, &counts, &size) == 0 && counts.tp_drops > 0)
    return fail(ErrorKind::environment, "'" + impl_->file.string() + "' lacks " + std::to_string(counts.tp_drops) +
                                            " packets that the kernel had to drop");
  return impl_->packets;
}

}  // namespace egressproof::cli
