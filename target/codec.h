// Journal lines, answers and the configuration of egressproof-target.
//
// Journal: NDJSON; the first line is {"type":"opened","at_us":...}, then {"type":"receipt",...}, and after an orderly
// end {"type":"closed","count":N}. {"type":"trouble","message":...} tells of something that the target could not
// witness (a connection that it could not accept): an error of the journal. Answer: one line, in an HTTP body or as raw
// bytes:
//   egressproof fixture=allow nonce=<32 hex or -> receipt=17 mac=<64 hex>\n
// mac = HMAC-SHA-256(fixture key, "fixture=allow nonce=... receipt=17").
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "target/receipt.h"

namespace egressproof::target {

// One fixture: an identity with addresses of its own.
struct Fixture {
  std::string name;
  std::string key;                     // of the answers' HMAC; random per run
  std::vector<std::string> addresses;  // IP literals, distinct from every other fixture's
  std::vector<std::uint16_t> ports;    // TCP listeners; HTTP/1.1, h2c, TLS and raw TCP are told apart by first bytes
  bool every_port = false;             // all other TCP ports too; needs the redirect rule of `redirect_port`
  std::vector<std::string> dns_names;  // subject alternative names of its certificate
  bool listening = true;               // false: the address exists, nothing listens (connection refused)
  std::vector<std::uint16_t> udp_ports = {};  // datagrams to these are receipts too
  bool udp_silent = false;                    // datagrams are not answered
  // Every TCP connection is answered before anything is read, as SMTP, SSH and MySQL servers do.
  bool speaks_first = false;
  // IPv4 literal: each TCP connection to one of `ports` is spliced to the same port there and leaves no receipt here;
  // see relay.h. Empty: it answers itself. Its `addresses` are IPv4, and it has neither `every_port` nor
  // `speaks_first`.
  std::string relays_to = {};
};

// An authoritative record. A name under a served zone without records is NXDOMAIN.
struct Record {
  std::string name;                        // without final dot; "*.wild.test" matches any depth below
  std::string type;                        // A, AAAA, TXT, CNAME or what else ldns knows
  std::vector<std::string> values;         // presentation format; TXT: the text itself, of any length
  std::uint32_t ttl = 1;                   // seconds
  bool rotate = false;                     // rebinding: answer k for a name (0, 1, 2 ...) holds values[k % n] alone
  std::vector<std::string> moved_to = {};  // what stands for `values` once the records moved; empty: it stays
};

struct Config {
  std::vector<Fixture> fixtures;
  std::vector<Record> records;
  std::vector<std::string> zones;  // answered authoritatively; all else is REFUSED
  std::string dns_address;         // UDP and TCP; empty: no DNS
  std::uint16_t dns_port = 53;
  std::uint16_t redirect_port = 0;  // 0.0.0.0:port (and [::]:port if IPv6 fixtures exist) that netfilter REDIRECTs to
  std::filesystem::path journal;    // created; must not exist
  std::filesystem::path ca_file;    // written: PEM of the CA that issued the fixtures' certificates
  // Datagrams to every port of `every_port` fixtures arrive at 0.0.0.0:port (0: none). REDIRECT will not do, as the
  // kernel tells the original destination of TCP alone; needs CAP_NET_ADMIN and, in the table mangle,
  //   -A PREROUTING -d ADDRESS -p udp -j TPROXY --on-port PORT --on-ip 0.0.0.0
  std::uint16_t udp_redirect_port = 0;
  // A packet socket (CAP_NET_RAW) writes a receipt of kind packet for every SYN and every non-TCP packet to an address
  // of a fixture, listening or not, whether or not something answers.
  bool packet_witness = false;
  // PEM files of a CA that several targets share: read, and no CA is made. Both or neither; with them `ca_file` may be
  // left out.
  std::filesystem::path ca_certificate_file, ca_key_file;
  // On 127.0.0.1 alone, in plain HTTP/1.1 (0: none): GET /healthz, and GET /journal?from=OFFSET for the journal's whole
  // lines from that byte on. See inspection.h.
  std::uint16_t inspection_port = 0;
};

Result<Config> decode_config(std::string_view json);
std::string encode(const Config& config);

std::string encode(const Receipt& receipt);
Result<Receipt> decode_receipt(std::string_view line);

std::string encode_answer(const Fixture& fixture, const std::string& nonce, std::uint64_t receipt);

// What the runner reads from a journal.
struct Journal {
  std::vector<Receipt> receipts;    // by number
  std::vector<std::string> errors;  // gaps, duplicates, malformed or truncated lines, missing opening line, trouble
  bool closed = false;
};
// Pure; `content` is the whole file. A last line without newline is still being written and is left out. Where the
// packet witness saw the SYN of a connection, that is the time of its receipt.
Journal decode_journal(std::string_view content);

// Fixture -> accepted connections of which no receipt has a nonce. Fixtures without any are left out.
std::map<std::string, int> connections_without_nonce(const Journal& journal);

// Receipts of kind packet that no connection and no datagram receipt with the same two ends accounts for: what left the
// client but never became a connection. Retransmissions of one SYN each count.
std::vector<Receipt> unanswered_packets(const Journal& journal);

}  // namespace egressproof::target
