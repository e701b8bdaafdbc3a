#include "runner/report/marks.h"

#include "runner/report/names.h"

namespace egressproof::report {
namespace {

using verdict::Status;
using verdict::Verdict;

Mark made(int rank, Tone tone, const std::string& text, const std::string& meaning) {
  return {text, tone, text, meaning, rank};
}

Mark failed(Verdict seen) {
  switch (seen) {
    case Verdict::leak:
      return made(20, Tone::bad, "LEAK!", "arrived at the forbidden target");
    case Verdict::allow:
      return made(21, Tone::bad, "ALLOW!", "arrived at the target, which was not expected");
    case Verdict::deny:
    case Verdict::false_deny:
      return made(22, Tone::bad, "DENY!", "nothing arrived, which was not expected");
    case Verdict::rerouted:
      return made(23, Tone::bad, "REROUTE!", "arrived at another fixture, which was not expected");
    case Verdict::wrong_path:
      return made(24, Tone::bad, "PATH!", "arrived, but by another path than demanded");
    case Verdict::inconclusive:
    case Verdict::error:
      break;
  }
  return made(25, Tone::bad, "FAIL!", "failed; see below");
}

Mark passed(Verdict seen) {
  switch (seen) {
    case Verdict::allow:
      return made(0, Tone::good, "allow", "arrived at the target, as expected");
    case Verdict::deny:
      return made(1, Tone::good, "deny", "nothing arrived, as expected; the controls before and after did");
    case Verdict::rerouted:
      return made(2, Tone::good, "reroute", "went to the allowed name's own fixture instead, as expected");
    case Verdict::inconclusive:
      return made(3, Tone::good, "outage", "the target was down, and was told as that and not as a deny, as expected");
    case Verdict::leak:
    case Verdict::wrong_path:
    case Verdict::false_deny:
    case Verdict::error:
      break;
  }
  return failed(seen);  // none of these is ever shown as a pass
}

std::string recorded_name(Verdict seen) {
  switch (seen) {
    case Verdict::allow:
      return "allow";
    case Verdict::deny:
      return "deny";
    case Verdict::rerouted:
      return "reroute";
    case Verdict::leak:
      return "leak";
    case Verdict::wrong_path:
      return "path";
    case Verdict::false_deny:
      return "f-deny";
    case Verdict::inconclusive:
      return "?";
    case Verdict::error:
      return "err";
  }
  return "?";
}

Mark recorded(const verdict::Finding& finding) {
  const std::string text = "(" + recorded_name(finding.verdict) + ")";
  if (as_expected(finding.expectation.expect, finding.verdict))
    return {text, Tone::plain, "(...)", "implementation-defined: recorded, neither pass nor failure", 6};
  return {text + "~", Tone::warning, "(...)~", "implementation-defined, and other than written down; recorded", 7};
}

}  // namespace

std::string painted(std::string_view text, Tone tone, bool colour) {
  const auto with = [&](const char* code) { return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m"; };
  if (!colour || text.empty()) return std::string(text);
  switch (tone) {
    case Tone::plain:
      break;
    case Tone::good:
      return with("32");
    case Tone::warning:
      return with("33");
    case Tone::bad:
      return with("1;31");
    case Tone::unsure:
      return with("35");
    case Tone::faint:
      return with("2");
    case Tone::title:
      return with("1");
  }
  return std::string(text);
}

Mark mark_of(const verdict::Finding& finding) {
  switch (finding.status) {
    case Status::pass:
      return passed(finding.verdict);
    case Status::known_leak:
      return made(4, Tone::warning, "leak*", "known leak: a documented hole, proven again; not a pass");
    case Status::news:
      return made(5, Tone::warning, "news!", "a documented hole that did not show this time; does not pass");
    case Status::recorded:
      return recorded(finding);
    case Status::fail:
      return failed(finding.verdict);
    case Status::inconclusive:
      return made(30, Tone::unsure, "?", "inconclusive: the evidence does not tell");
    case Status::error:
      return made(31, Tone::unsure, "err", "the harness failed here; no verdict");
  }
  return failed(Verdict::error);
}

Mark skipped_mark() { return made(40, Tone::faint, "skip", "not run; the reason is below"); }
Mark empty_mark() { return made(41, Tone::faint, "-", "not applicable or not selected"); }

}  // namespace egressproof::report
