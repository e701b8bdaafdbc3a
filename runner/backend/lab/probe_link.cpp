#include "runner/backend/lab/probe_link.h"

#include <fcntl.h>
#include <poll.h>

#include <array>
#include <csignal>
#include <deque>

namespace egressproof::backend::lab {
namespace {

using Clock = std::chrono::steady_clock;

int left_ms(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

}  // namespace

Result<ProbeLink> ProbeLink::start(process::Command command) {
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) return tl::unexpected(system_error(ErrorKind::environment, "pipe2()"));
  UniqueFd in_read(in[0]);
  UniqueFd in_write(in[1]);
  if (::pipe2(out, O_CLOEXEC) != 0) return tl::unexpected(system_error(ErrorKind::environment, "pipe2()"));
  UniqueFd out_read(out[0]);
  UniqueFd out_write(out[1]);
  command.in = in_read.get();
  command.out = out_write.get();
  auto child = process::Child::start(command);
  if (!child) return tl::unexpected(child.error());
  ::fcntl(in_write.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(out_read.get(), F_SETFL, O_NONBLOCK);
  ::signal(SIGPIPE, SIG_IGN);  // a dead probe is told by the batch, not by our death
  return ProbeLink(std::move(*child), std::move(in_write), std::move(out_read));
}

bool ProbeLink::fill() {
  std::array<char, 65536> buffer{};
  const ssize_t got = ::read(from_.get(), buffer.data(), buffer.size());
  if (got > 0) buffer_.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

bool ProbeLink::take_line(std::string& line) {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) return false;
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return true;
}

Result<void> ProbeLink::wait_hello(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  std::string line;
  while (!take_line(line)) {
    pollfd entry{from_.get(), POLLIN, 0};
    if (::poll(&entry, 1, left_ms(deadline)) <= 0)
      return fail(ErrorKind::environment,
                  "the probe did not say hello within " + std::to_string(limit.count()) + " ms");
    if (!fill()) return fail(ErrorKind::environment, "the probe ended before it said hello");
  }
  if (line.find("\"hello\"") == std::string::npos)
    return fail(ErrorKind::environment, "the probe began with '" + line + "' instead of hello");
  return {};
}

// The state of one exchange; ends with every link either closed or given up.
class BatchExchange {
 public:
  struct Talk {
    std::string pod;
    ProbeLink* link = nullptr;
    std::string unsent;
    probe::BatchReader reader;
    bool done = false;
  };

  static void begin(Talk& talk, const std::vector<probe::Attempt>& attempts, const std::string& name, int parallel) {
    talk.unsent = probe::encode_batch_begin(name, parallel) + "\n";
    for (const probe::Attempt& attempt : attempts) talk.unsent += probe::encode(attempt) + "\n";
    talk.unsent += probe::encode_batch_run() + "\n";
  }

  static void send(Talk& talk) {
    const ssize_t sent = ::write(talk.link->to_.get(), talk.unsent.data(), talk.unsent.size());
    if (sent > 0) talk.unsent.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) talk.unsent.clear();  // the reading side tells what happened
  }

  static void receive(Talk& talk) {
    const bool open = talk.link->fill();
    std::string line;
    while (!talk.done && talk.link->take_line(line)) talk.done = talk.reader.feed(line);
    if (!open) talk.done = true;
  }

  static std::array<pollfd, 2> interest(const Talk& talk) {
    return {pollfd{talk.link->from_.get(), POLLIN, 0},
            pollfd{talk.unsent.empty() ? -1 : talk.link->to_.get(), POLLOUT, 0}};
  }
};

std::map<std::string, probe::BatchResult> exchange(std::map<std::string, ProbeLink>& links,
                                                   const std::map<std::string, std::vector<probe::Attempt>>& batches,
                                                   const std::string& batch_name,
                                                   const std::map<std::string, int>& lanes,
                                                   std::chrono::milliseconds limit) {
  std::map<std::string, probe::BatchResult> results;
  std::deque<BatchExchange::Talk> talks;
  for (const auto& [pod, attempts] : batches) {
    const auto link = links.find(pod);
    if (link == links.end()) {
      results[pod].errors.push_back("there is no probe in pod '" + pod + "'");
      continue;
    }
    talks.push_back({pod, &link->second, {}, probe::BatchReader(batch_name, attempts)});
    BatchExchange::begin(talks.back(), attempts, batch_name, lanes.at(pod));
  }
  const auto deadline = Clock::now() + limit;
  for (;;) {
    std::vector<pollfd> entries;
    std::vector<BatchExchange::Talk*> owners;
    for (auto& talk : talks) {
      if (talk.done) continue;
      for (const pollfd& entry : BatchExchange::interest(talk)) {
        entries.push_back(entry);
        owners.push_back(&talk);
      }
    }
    if (entries.empty() || left_ms(deadline) == 0) break;
    if (::poll(entries.data(), entries.size(), left_ms(deadline)) < 0 && errno != EINTR) break;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].revents == 0) continue;
      if (entries[i].events == POLLIN)
        BatchExchange::receive(*owners[i]);
      else
        BatchExchange::send(*owners[i]);
    }
  }
  for (auto& talk : talks) results[talk.pod] = talk.reader.finish();
  return results;
}

}  // namespace egressproof::backend::lab
