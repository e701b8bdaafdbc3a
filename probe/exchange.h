// What is said over a connection that libcurl has only made: request bytes of one's own, several requests, raw bytes.
// Bytes in, bytes out; no socket, no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "probe/attempt.h"
#include "probe/observation.h"

namespace egressproof::probe {

struct Reply {
  std::optional<int> status;
  std::string http_version;  // "1.0", "1.1", "2"
  std::string server_header;
  std::string location;
  std::string body;         // its first MiB
  std::uint64_t bytes = 0;  // of the whole body

  void append(std::string_view part);
};

struct Ending {
  Code code = Code::ok;
  std::string detail;
};

enum class Closing {
  end_of_file,
  broken,  // TLS ended without close_notify, or another failure that is no reset
  reset
};

class Exchange {
 public:
  virtual ~Exchange() = default;
  // What is to be sent now; each byte is given once. May end the exchange.
  std::string take_output();
  virtual void received(std::string_view bytes) = 0;
  virtual void closed(Closing how, const std::string& why) = 0;  // why: library text, may be empty
  void timed_out(const std::string& limit);

  // All of the attempt's own request has been given to take_output().
  [[nodiscard]] bool asked() const { return asked_; }
  [[nodiscard]] const std::optional<Ending>& ending() const { return ending_; }
  [[nodiscard]] const Reply& reply() const { return reply_; }

 protected:
  virtual void fill_output() {}
  // The first ending stays. Before the attempt's own request began, every failure is that of the connection which the
  // earlier request should have left usable: local_error.
  void end(Code code, const std::string& detail = {});
  void end_closed(Closing how, const std::string& why);

  std::string output_;
  bool asked_ = false;
  std::optional<Ending> ending_;
  Reply reply_;
};

// nullptr: the attempt is for libcurl alone.
std::unique_ptr<Exchange> make_exchange(const Attempt& attempt);

std::unique_ptr<Exchange> make_raw_exchange(const Attempt& attempt);
std::unique_ptr<Exchange> make_http1_exchange(const Attempt& attempt);
std::unique_ptr<Exchange> make_http2_exchange(const Attempt& attempt);

}  // namespace egressproof::probe
