#include "runner/cli/man_page.h"

#include <array>
#include <sstream>
#include <utility>

namespace egressproof::cli {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 8> exit_codes = {{
    {"0", "every selected cell ran and matched; at least one ran"},
    {"1", "a mismatch"},
    {"2", "usage, or an error in a scenario or settings file"},
    {"3", "the environment: no world, a rejected resource, a canary that failed"},
    {"4", "inconclusive, a flaky cell, lost receipts, or the deadline"},
    {"5", "nothing ran"},
    {"70", "an error in the program itself"},
    {"130, 143", "interrupted by SIGINT, SIGTERM"},
}};

// Text that roff shows as it is.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += std::string("\\&") + c;
    else
      out += c;
  }
  return out;
}

void write_option(const SyntaxOption& option, std::ostream& out) {
  out << ".TP\n";
  if (!option.positional.empty()) {
    out << "\\fI" << roff(option.positional) << "\\fR\n";
  } else {
    std::string names;
    for (const std::string& name : option.names) names += (names.empty() ? "\\fB" : "\\fR, \\fB") + roff(name);
    out << names << "\\fR" << (option.takes == Takes::nothing ? "" : " \\fI" + roff(option.type) + "\\fR") << '\n';
  }
  out << roff(option.help + (option.fallback.empty() ? "" : " (default: " + option.fallback + ")")) << '\n';
}

void write_verb(const SyntaxVerb& verb, std::ostream& out) {
  const std::string name = joined_words(verb.path, " ");
  out << ".SS " << roff(name) << '\n' << roff(verb.help) << ".\n";
  for (const SyntaxOption& option : verb.options)
    if (option.names.empty() || (option.names.back() != "--help" && option.names.back() != "--help-all"))
      write_option(option, out);
  if (verb.footer.empty()) return;
  out << ".PP\n.nf\n" << roff(verb.footer) << "\n.fi\n";
}

}  // namespace

std::string man_page(const std::vector<SyntaxVerb>& verbs, const std::string& version) {
  std::ostringstream out;
  out << ".TH EGRESSPROOF 1 \"\" \"egressproof " << version << "\" \"User Commands\"\n"
      << ".SH NAME\negressproof \\- what leaves a Knative workload on Istio, by policy and in fact\n"
      << ".SH SYNOPSIS\n.B egressproof\n\\fIVERB\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n"
      << ".SH DESCRIPTION\nA probe in the workload attempts egress traffic, targets outside the mesh write a receipt "
         "of "
         "all that arrives,\nthe mesh's own log is read, and a verdict joins the three.\n"
      << ".SH VERBS\n";
  for (const SyntaxVerb& verb : verbs)
    if (!verb.path.empty()) write_verb(verb, out);
  out << ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : exit_codes) out << ".TP\n.B " << code << '\n' << roff(meaning) << '\n';
  out << ".SH ENVIRONMENT\n.TP\n.B EGRESSPROOF_OPTION\nA value for \\fB\\-\\-option\\fR, in capitals and with _ for "
         "\\-; values of options that\nmay be repeated are separated by commas. Goes before the settings file, after "
         "the command line.\n"
      << ".TP\n.B EGRESSPROOF_CONFIG\nThe settings file.\n"
      << ".TP\n.B NO_COLOR\nIf not empty: no colour.\n"
      << ".SH FILES\n.TP\n.I egressproof.yaml\nSettings, read from the working directory: a map of options (without "
         "\\-\\-); the name of a verb holds a map\nof options for that verb alone.\n";
  return out.str();
}

}  // namespace egressproof::cli
