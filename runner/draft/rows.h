// The rows of a draft's matrix. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "runner/draft/draft.h"
#include "runner/draft/internet.h"

namespace egressproof::draft {

// A host and port that some manifest (or the user's matrix) names.
struct Target {
  std::string host;
  std::string client_name;  // what a client asks for: the host, or a member of the wildcard
  Port port;
  std::string slug;                // "edition-cnn-com-443"
  const Listing* first = nullptr;  // nullptr: only the matrix names it
};

class Rows {
 public:
  // Borrows all.
  Rows(const Model& model, const Options& options, Internet& internet,
       const std::map<std::string, std::string>& profiles);

  std::vector<Topic> make();

 private:
  void find_targets();
  void play_hosts();
  Topic allowed();
  Topic lookalikes();
  Topic unlisted();
  Topic spoofed();
  Topic limits();

  Row row(const std::string& id, const std::string& title) const;
  void add(Topic& topic, Row row);

  // The listing that allows it; nullptr: none. Exact hosts before wildcards.
  const Listing* listing(const Workload& workload, const std::string& host, int port, bool leaked = false) const;
  Cell allowed_cell(const Workload& workload, const Target& target) const;
  Cell denied_cell(const Workload& workload, int port, Wire wire) const;
  Cell spoofed_cell(const Workload& workload, const Target& target) const;
  Cell apex_cell(const Workload& workload, const Target& target) const;
  Cell other_name_cell(const Workload& workload, const Target& target) const;
  bool led_to_gateway(const Workload& workload, const std::string& host, Wire wire) const;
  template <class Make>
  void all_cells(Row& row, Make make) const;

  const Model& model_;
  const Options& options_;
  Internet& internet_;
  const std::map<std::string, std::string>& profiles_;
  std::vector<Target> targets_;
  std::set<std::string> ids_;
  std::uint16_t other_port_ = 8443;
};

template <class Make>
void Rows::all_cells(Row& row, Make make) const {
  for (const Workload& workload : model_.workloads) {
    Cell cell = make(workload);
    if (cell.code != '.') row.cells[profiles_.at(workload.ns)] = std::move(cell);
  }
}

}  // namespace egressproof::draft
