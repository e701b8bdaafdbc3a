// One attempt in one pod: what its probe sees, what arrives, what its proxy logs.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "probe/attempt.h"
#include "probe/observation.h"
#include "runner/backend/fake/internet.h"
#include "runner/backend/fake/mesh_model.h"
#include "runner/backend/fake/names.h"
#include "runner/policy/mesh_record.h"

namespace egressproof::backend::fake {

struct Pod {
  std::string name, address;
  bool meshed = false;
};

inline constexpr std::chrono::microseconds stage_took{100};

std::string filled(std::string text, const std::string& nonce);  // "{nonce}" replaced

class Client {
 public:
  // All borrowed.
  Client(Internet& internet, const Names& names, std::vector<policy::MeshRecord>& log)
      : internet_(internet), names_(names), log_(log) {}

  // `lose_receipts`: those of this attempt are missing from the journal.
  probe::Observation carry_out(const probe::Attempt& attempt, const Pod& pod, const NamespaceModel& model,
                               std::optional<Behaviour> behaviour, bool lose_receipts);

 private:
  // What goes over one connection.
  struct Request {
    probe::Protocol protocol = probe::Protocol::http1;
    bool tls = false;
    bool silent = false;
    std::string address;
    std::uint16_t port = 0;
    std::optional<std::string> sni;
    std::vector<std::string> alpn;
    bool ech = false;
    std::string host;       // as a server reads it
    std::string authority;  // as Envoy routes by it
    std::string method, path, payload, nonce, http_version;
    std::optional<probe::EarlierRequest> earlier;  // within TLS, on the same connection
  };
  struct Outcome {
    probe::Code code = probe::Code::ok;
    probe::Stage reached = probe::Stage::response;
    std::optional<int> status;
    std::optional<probe::Answer> answer;
    std::string server, certificate, location;
  };

  void dial(const probe::Attempt& attempt, const std::string& address, const Pod& pod, const NamespaceModel& model,
            std::optional<Behaviour> behaviour, probe::Observation& seen);
  void send(const probe::Attempt& attempt, const std::string& address, const Pod& pod, probe::Observation& seen);
  static Request request_of(const probe::Attempt& attempt, const std::string& address);
  Outcome exchange(const Request& request, const Pod& pod, const NamespaceModel& model,
                   std::optional<Behaviour> behaviour, const std::string& local);
  Outcome through_proxy(const Request& request, const Pod& pod, const Routed& routed, const std::string& local);
  // A sidecar that waits for the first bytes of a silent client.
  Outcome hold(const Request& request, const Pod& pod, const std::string& local);
  // What a silent client gets from a fixture; `receipt` has the ends of its connection.
  Outcome greet(const scenario::Fixture& fixture, target::Receipt receipt);
  Outcome arrive(const scenario::Fixture& fixture, const Request& request, const std::string& address,
                 std::uint16_t port, const std::string& peer);
  void log(const Request& request, const Pod& pod, const Routed& routed, const std::string& local,
           const std::string& upstream_local, int code);
  Outcome follow(const probe::Attempt& attempt, const std::string& location, const Pod& pod,
                 const NamespaceModel& model, probe::Observation& seen);
  std::uint16_t next_port() { return static_cast<std::uint16_t>(20000 + ports_++ % 40000); }
  void look_up(const probe::Attempt& attempt, const Pod& pod, probe::Observation& seen);

  Internet& internet_;
  const Names& names_;
  std::vector<policy::MeshRecord>& log_;
  bool lose_ = false;
  unsigned ports_ = 0;
};

}  // namespace egressproof::backend::fake
