// The packets of one pod's interface, kept as a pcap file.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace egressproof::cli {

// Of the classic format (version 2.4, microseconds, this machine's byte order, which the magic number tells).
std::string pcap_header();  // link type Ethernet
std::string pcap_record(std::chrono::microseconds at, std::string_view packet, std::uint32_t original_size);

// Captures from start() to stop(), on a thread of its own that enters the network namespace of process `pid` (root).
class PacketCapture {
 public:
  // Error kind environment: no such process or interface, no right to it, or the file cannot be written.
  static Result<PacketCapture> start(int pid, const std::string& interface, const std::filesystem::path& file);
  PacketCapture(PacketCapture&&) noexcept;
  PacketCapture& operator=(PacketCapture&&) noexcept;
  ~PacketCapture();

  // What was sent until now is in the file; how many packets. Error kind environment: the file could not be written, or
  // the kernel had to drop packets.
  Result<std::uint64_t> stop();

 private:
  struct Impl;
  explicit PacketCapture(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace egressproof::cli
