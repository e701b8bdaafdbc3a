#include "runner/backend/cluster/shares.h"

namespace egressproof::backend::cluster {

std::vector<std::vector<probe::Attempt>> shares_of(const std::vector<probe::Attempt>& attempts, std::size_t pods,
                                                   std::size_t first) {
  std::vector<std::vector<probe::Attempt>> shares(pods);
  for (std::size_t k = 0; pods > 0 && k < attempts.size(); ++k) shares[(k + first) % pods].push_back(attempts[k]);
  return shares;
}

std::vector<probe::Attempt> unobserved(const std::vector<probe::Attempt>& attempts, const probe::BatchResult& result) {
  std::vector<probe::Attempt> missing;
  for (const probe::Attempt& attempt : attempts)
    if (result.observations.count(attempt.sequence) == 0) missing.push_back(attempt);
  return missing;
}

probe::BatchResult joined(std::vector<probe::BatchResult> shares) {
  probe::BatchResult all;
  all.closed = !shares.empty();
  for (probe::BatchResult& share : shares) {
    all.closed = all.closed && share.closed;
    for (auto& [sequence, seen] : share.observations)
      if (!all.observations.emplace(sequence, std::move(seen)).second)
        all.errors.push_back("two pods told of attempt " + std::to_string(sequence));
    for (std::string& error : share.errors) all.errors.push_back(std::move(error));
  }
  return all;
}

}  // namespace egressproof::backend::cluster
