// The probe's event loop: all attempts of a batch, at most `parallel` of them in flight, on one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "probe/attempt.h"
#include "probe/observation.h"

namespace egressproof::probe {

struct EngineOptions {
  std::string ca_file;  // PEM of the fixtures' CA; empty: certificates are not verified
  // Folder with cert-chain.pem and key.pem, by which a workload of the mesh shows who it is; empty: there are none.
  std::string workload_certificate;
  int parallel = 32;            // fewer if the process may not have so many descriptors
  std::string dns_server;       // IP literal of the name server for all names; empty: those of resolv.conf
  std::uint16_t dns_port = 53;  // of dns_server
  int stop_fd = -1;             // borrowed; once it is readable, nothing more is sent or told
};

// Tells each observation once, in order of completion; after a stop, only those that were complete by then.
void run_attempts(const std::vector<Attempt>& attempts, const EngineOptions& options,
                  const std::function<void(const Observation&)>& tell);

// Of the local ports that connections are bound to this process takes part `index` of `count` (from 1): so that no two
// probes in one pod use the same. Before the first batch.
void share_local_ports(int index, int count);

// "" if this build can carry out the attempt, else why not.
std::string unsupported(const Attempt& attempt);

}  // namespace egressproof::probe
