#include "runner/report/names.h"

namespace egressproof::report {
namespace {

using scenario::Expect;
using scenario::Stance;
using verdict::Layer;
using verdict::Verdict;

constexpr std::array all_expects = {Expect::allow, Expect::deny, Expect::reroute, Expect::leak, Expect::outage};
constexpr std::array all_stances = {Stance::enforced, Stance::known_leak, Stance::implementation_defined};
constexpr std::array all_verdicts = {Verdict::allow,      Verdict::deny,       Verdict::rerouted,     Verdict::leak,
                                     Verdict::wrong_path, Verdict::false_deny, Verdict::inconclusive, Verdict::error};
constexpr std::array all_layers = {Layer::none,           Layer::sidecar, Layer::gateway, Layer::authorization,
                                   Layer::network_policy, Layer::dns,     Layer::capture, Layer::unknown};

template <class Values>
std::optional<typename Values::value_type> named(const Values& values, std::string_view text) {
  for (const auto value : values)
    if (to_string(value) == text) return value;
  return std::nullopt;
}

}  // namespace

std::string to_string(Expect expect) {
  switch (expect) {
    case Expect::allow:
      return "allow";
    case Expect::deny:
      return "deny";
    case Expect::reroute:
      return "reroute";
    case Expect::leak:
      return "leak";
    case Expect::outage:
      return "outage";
  }
  return "?";
}

std::string to_string(Stance stance) {
  switch (stance) {
    case Stance::enforced:
      return "enforced";
    case Stance::known_leak:
      return "known-leak";
    case Stance::implementation_defined:
      return "implementation-defined";
  }
  return "?";
}

std::optional<Expect> expect_from(std::string_view text) { return named(all_expects, text); }
std::optional<Stance> stance_from(std::string_view text) { return named(all_stances, text); }
std::optional<Verdict> verdict_from(std::string_view text) { return named(all_verdicts, text); }
std::optional<verdict::Status> status_from(std::string_view text) { return named(all_statuses, text); }
std::optional<Layer> layer_from(std::string_view text) { return named(all_layers, text); }

bool as_expected(Expect expect, Verdict seen) {
  switch (expect) {
    case Expect::allow:
      return seen == Verdict::allow;
    case Expect::deny:
      return seen == Verdict::deny;
    case Expect::reroute:
      return seen == Verdict::rerouted;
    case Expect::leak:
      return seen == Verdict::leak;
    case Expect::outage:
      return seen == Verdict::inconclusive;
  }
  return false;
}

}  // namespace egressproof::report
