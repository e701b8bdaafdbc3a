// A probe's agent on loopback, and a client that says to it exactly what a test wants said.
#pragma once

#include <netinet/in.h>

#include <optional>

#include "base/object_reader.h"
#include "probe/agent.h"
#include "probe/codec.h"
#include "probe/signature.h"
#include "tests/unit/probe_loopback.h"

namespace egressproof::probe::loopback {

using std::chrono::milliseconds;

inline const std::string run_key(64, 'k');
inline const std::string run_id = "run-7";

inline AgentOptions agent_options() {
  AgentOptions options;
  options.address = "127.0.0.1";
  options.port = 0;
  options.run = run_id;
  options.key = run_key;
  return options;
}

inline std::unique_ptr<Agent> start_agent(AgentOptions options = agent_options()) {
  std::signal(SIGPIPE, SIG_IGN);
  auto agent = Agent::start(std::move(options));
  if (!agent) ADD_FAILURE() << to_string(agent.error());
  return agent ? std::move(*agent) : nullptr;
}

struct Reply {
  int status = 0;
  std::string head;
  std::string body;  // of a chunked one: the chunks' contents
  bool whole = false;
};

// With a time-out of ten seconds for everything.
class AgentClient {
 public:
  explicit AgentClient(std::uint16_t to) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(to);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }

  void send(const std::string& bytes) const { Peer::write_all(fd_.get(), bytes); }
  void close() { fd_.reset(); }
  // Whether the agent has ended the connection.
  bool ended() { return input_.empty() && !fill(); }

  // The next reply; not whole if the connection ended within it.
  Reply reply() {
    Reply reply;
    reply.head = take_to("\r\n\r\n");
    if (reply.head.size() < 12) return reply;
    reply.status = std::stoi(reply.head.substr(9, 3));
    if (const auto length = field(reply.head, "Content-Length"); !length.empty()) {
      reply.body = take(static_cast<std::size_t>(std::stoul(length)));
      reply.whole = reply.body.size() == std::stoul(length);
      return reply;
    }
    while (std::optional<std::string> chunk = take_chunk()) {
      reply.whole = chunk->empty();
      if (reply.whole) break;
      reply.body += *chunk;
    }
    return reply;
  }
  // The head, and of the body what belongs to its first `lines` lines.
  std::string begun(std::size_t lines) {
    take_to("\r\n\r\n");
    std::string body;
    while (static_cast<std::size_t>(std::count(body.begin(), body.end(), '\n')) < lines) {
      const auto chunk = take_chunk();
      if (!chunk || chunk->empty()) break;
      body += *chunk;
    }
    return body;
  }
  Reply ask(const std::string& request) {
    send(request);
    return reply();
  }

  static std::string field(const std::string& head, const std::string& name) {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }

 private:
  bool fill() {
    char bytes[65536];
    const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got > 0) input_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }
  std::string take(std::size_t size) {
    while (input_.size() < size && fill()) {
    }
    std::string taken = input_.substr(0, size);
    input_.erase(0, taken.size());
    return taken;
  }
  std::string take_to(const std::string& mark) {
    while (input_.find(mark) == std::string::npos && fill()) {
    }
    const std::size_t at = input_.find(mark);
    return at == std::string::npos ? "" : take(at + mark.size());
  }
  std::optional<std::string> take_chunk() {
    const std::string line = take_to("\r\n");
    if (line.empty()) return std::nullopt;
    const std::size_t size = std::stoul(line, nullptr, 16);
    std::string chunk = take(size + 2);
    if (chunk.size() != size + 2) return std::nullopt;
    chunk.resize(size);
    return chunk;
  }

  UniqueFd fd_;
  std::string input_;
};

inline std::string batch_body(const std::vector<Attempt>& attempts, int parallel = 4, const std::string& name = "b1") {
  std::string body = encode_batch_begin(name, parallel) + "\n";
  for (const Attempt& one : attempts) body += encode(one) + "\n";
  return body + encode_batch_run() + "\n";
}

inline std::string post(const std::string& signature, const std::string& body, const std::string& fields = "") {
  return "POST /v1/batches HTTP/1.1\r\nHost: probe\r\n" + fields +
         (signature.empty() ? "" : std::string(signature_field) + ": " + signature + "\r\n") +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
inline std::string signed_post(const std::string& body) {
  return post(encode(sign_batch(run_key, run_id, body)), body);
}

inline std::string get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: probe\r\n\r\n"; }

// "401 expired".
inline std::string refusal(const Reply& reply) {
  const Json json = Json::parse(reply.body, nullptr, false);
  return std::to_string(reply.status) + " " +
         (json.is_object() && json.contains("error") ? json["error"].get<std::string>() : "without an error");
}

inline std::vector<std::string> lines_of(const std::string& body) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = std::min(body.find('\n', at), body.size());
    lines.push_back(body.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// Counts what was sent to it, and answers nothing until it is let go.
class Silent {
 public:
  Silent()
      : peer_([](int fd) {
          Peer::read_to(fd, "\r\n\r\n");
          Peer::hold(fd);
        }) {}
  [[nodiscard]] int requests() const { return peer_.accepted(); }
  // An attempt that waits for its answer as long as no one stops it.
  [[nodiscard]] Attempt attempt() const {
    Attempt made = attempt_to("127.0.0.1", peer_.port());
    made.limits.response = std::chrono::minutes(2);
    return made;
  }

 private:
  Peer peer_;
};

template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

}  // namespace egressproof::probe::loopback
