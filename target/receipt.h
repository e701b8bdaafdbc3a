// What the far side received. Written before anything is answered, so an answer without a receipt cannot exist.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace egressproof::target {

enum class ReceiptKind {
  connection,  // a TCP connection was accepted; no nonce is known yet
  tls,         // a ClientHello was read
  request,     // an HTTP request head was read
  greeting,    // a fixture that speaks first wrote its answer line, before anything was read; no nonce is known
  payload,     // bytes that are neither TLS nor HTTP were read (an unfinished request included), or a datagram
  dns,         // a DNS query was read
  packet       // the packet witness saw a SYN or a datagram at a fixture's address; see Config::packet_witness. Its
               // nonce is that of its payload: of an echo request, or of data within the SYN
};

struct Receipt {
  std::uint64_t number = 0;      // 1, 2, 3 ... in the journal: a gap is a lost receipt
  std::uint64_t connection = 0;  // same for all receipts of one connection; 0 for datagrams and packets
  ReceiptKind kind = ReceiptKind::connection;
  std::string fixture;  // which fixture owns the local address
  std::string nonce;    // empty: the channel carried none
  std::string local;    // "address:port", as dialled by the peer
  std::string peer;
  std::optional<std::string> sni;  // tls: server_name; absent: no extension
  std::vector<std::string> alpn;   // tls: as offered
  bool ech = false;                // tls: an encrypted_client_hello extension was present
  std::string http_version;        // request: "1.0", "1.1", "2"
  std::string host;                // request: Host (all values joined by ", ") or, with HTTP/2, :authority if there
  std::optional<std::string> host_header;  // request: the host header of an HTTP/2 request that has :authority too
  std::string method;
  std::string path;                 // request: request-target as received
  std::string name;                 // dns: query name, in lower case, without final dot
  std::string query_type;           // dns: "A", "AAAA", "TXT", "TYPE65"
  std::string transport;            // "tcp" or "udp" for dns, "udp" for datagrams; packet: also "icmp", "icmp6", ...
  std::string payload;              // payload, and dns that could not be parsed: the first 256 bytes
  std::chrono::microseconds at{0};  // since the Unix epoch, system clock
};

}  // namespace egressproof::target
