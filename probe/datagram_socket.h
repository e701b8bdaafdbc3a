// How the datagrams of one attempt leave, and which that come back answer them: UDP, ICMP echo, a protocol of IP on a
// raw socket, or a SYN of the probe's own on a packet socket.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/unique_fd.h"
#include "probe/attempt.h"
#include "probe/observation.h"

namespace egressproof::probe {

enum class Arrived {
  nothing,  // not an answer to this attempt: others' packets come to a packet socket too
  answer,
  refused  // the answer is a refusal, as a RST
};

class DatagramSocket {
 public:
  virtual ~DatagramSocket() = default;
  [[nodiscard]] int fd() const { return fd_.get(); }
  // "address:port" of this end, known before anything is sent; icmp: the echo identifier in place of the port; ip:
  // empty.
  [[nodiscard]] const std::string& local() const { return local_; }
  // One datagram. 0, or errno.
  virtual int send() = 0;
  // What came; its payload is put into `payload`.
  virtual Arrived received(std::string_view bytes, std::string& payload) = 0;

 protected:
  UniqueFd fd_;
  std::string local_;
};

struct Unopened {
  Code code = Code::local_error;
  std::string why;
};

// Nothing is sent yet. `address`: IP literal. ip and syn need CAP_NET_RAW, icmp that or a group of
// net.ipv4.ping_group_range; without it the code is unsupported.
tl::expected<std::unique_ptr<DatagramSocket>, Unopened> open_datagrams(const Attempt& attempt,
                                                                       const std::string& address);

// The same for Protocol::syn; see packet_syn.cpp.
tl::expected<std::unique_ptr<DatagramSocket>, Unopened> open_packet_syn(const Attempt& attempt,
                                                                        const std::string& address);

// "192.0.2.1:80", "[2001:db8::1]:80".
std::string end_of(const std::string& address, unsigned port);

}  // namespace egressproof::probe
