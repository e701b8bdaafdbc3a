// What the kernel dropped in one namespace: packets that are lost here look like a denial to the client. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace egressproof::backend::lab {

// "TcpExt.ListenDrops", "conntrack.drop", ... of one namespace.
using KernelCounters = std::map<std::string, std::uint64_t>;

// `netstat`: content of /proc/net/netstat and of /proc/net/snmp after it; `conntrack`: of /proc/net/stat/nf_conntrack,
// empty where it is not loaded. Only the counters that mean loss.
KernelCounters parse_kernel_counters(std::string_view netstat, std::string_view conntrack);

// "the kernel counts 3 more TcpExt.ListenDrops in pod P2" for each that grew.
std::vector<std::string> kernel_losses(const std::string& where, const KernelCounters& before,
                                       const KernelCounters& now);

}  // namespace egressproof::backend::lab
