// Journal lines, answers and the configuration of egressproof-target.
//
// Journal: NDJSON; the first line is {"type":"opened","time":...}, then {"type":"receipt",...}, and after an orderly
// end
// {"type":"closed","count":N}. Answer: one line, in an HTTP body or as raw bytes:
//   egressproof fixture=allow nonce=<32 hex or -> receipt=17 mac=<64 hex>\n
// mac = HMAC-SHA-256(fixture key, "fixture=allow nonce=... receipt=17").
#pragma once

#include <cstdint>
#include <filesystem>
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
};

// An authoritative record. A name under a served zone without records is NXDOMAIN.
struct Record {
  std::string name;  // without final dot; "*.wild.test" matches any depth below
  std::string type;  // A or AAAA
  std::vector<std::string> values;
  std::uint32_t ttl = 1;  // seconds
};

struct Config {
  std::vector<Fixture> fixtures;
  std::vector<Record> records;
  std::vector<std::string> zones;  // answered authoritatively; all else is REFUSED
  std::string dns_address;         // UDP only so far; empty: no DNS
  std::uint16_t dns_port = 53;
  std::uint16_t redirect_port = 0;  // 0.0.0.0:port (and [::]:port if IPv6 fixtures exist) that netfilter REDIRECTs to
  std::filesystem::path journal;    // created; must not exist
  std::filesystem::path ca_file;    // written: PEM of the throw-away CA made at start
};

Result<Config> decode_config(std::string_view json);
std::string encode(const Config& config);

std::string encode(const Receipt& receipt);
Result<Receipt> decode_receipt(std::string_view line);

std::string encode_answer(const Fixture& fixture, const std::string& nonce, std::uint64_t receipt);

// What the runner reads from a journal.
struct Journal {
  std::vector<Receipt> receipts;    // by number
  std::vector<std::string> errors;  // gaps, duplicates, malformed or truncated lines, missing opening line
  bool closed = false;
};
// Pure; `content` is the whole file. A last line without newline is still being written and is left out.
Journal decode_journal(std::string_view content);

}  // namespace egressproof::target
