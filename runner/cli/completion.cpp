#include "runner/cli/completion.h"

#include <sstream>

namespace egressproof::cli {
namespace {

std::string command_of(Takes takes) {
  return std::string(words_command) + (takes == Takes::profile ? "profiles" : "cases") + " 2>/dev/null";
}

// What stands between $( ) in bash, for one value.
std::string bash_source(const SyntaxOption& option) {
  switch (option.takes) {
    case Takes::file:
      return "compgen -f -- \"$current\"";
    case Takes::folder:
      return "compgen -d -- \"$current\"";
    case Takes::choice:
      return "compgen -W \"" + joined_words(option.choices, " ") + "\" -- \"$current\"";
    case Takes::profile:
    case Takes::case_name:
      return "compgen -W \"$(" + command_of(option.takes) + ")\" -- \"$current\"";
    default:
      return ":";
  }
}

const SyntaxOption* positional_of(const SyntaxVerb& verb) {
  for (const SyntaxOption& option : verb.options)
    if (!option.positional.empty()) return &option;
  return nullptr;
}

// In single quotes, for bash, zsh and fish.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_action(const SyntaxOption& option) {
  switch (option.takes) {
    case Takes::file:
      return ":file:_files";
    case Takes::folder:
      return ":folder:_files -/";
    case Takes::choice:
      return ":value:(" + joined_words(option.choices, " ") + ")";
    case Takes::profile:
    case Takes::case_name:
      return ":name:{compadd -- ${(f)\"$(" + command_of(option.takes) + ")\"}}";
    default:
      return ":value:";
  }
}

std::string zsh_function(const SyntaxVerb& verb) {
  return verb.path.empty() ? "_egressproof" : "_egressproof_" + joined_words(verb.path, "_");
}

void write_zsh(const SyntaxVerb& verb, const std::vector<SyntaxVerb>& all, std::ostream& out) {
  out << zsh_function(verb) << "() {\n  local curcontext=$curcontext state line\n  local -a specs=(\n";
  for (const SyntaxOption& option : verb.options) {
    if (!option.positional.empty()) {
      out << "    " << quoted("*" + zsh_action(option)) << '\n';
      continue;
    }
    for (const std::string& name : option.names) {
      const bool value = option.takes != Takes::nothing;
      out << "    "
          << quoted("*" + name + (value && name.rfind("--", 0) == 0 ? "=" : "") + "[" + zsh_text(option.help) + "]" +
                    (value ? zsh_action(option) : ""))
          << '\n';
    }
  }
  if (verb.verbs.empty()) {
    out << "  )\n  _arguments $specs\n}\n";
    return;
  }
  out << "    '1:verb:->verbs'\n    '*::argument:->rest'\n  )\n  _arguments -C $specs\n  case $state in\n    verbs)\n"
      << "      local -a verbs=(";
  for (const SyntaxVerb& below : all)
    if (below.path.size() == verb.path.size() + 1 && std::equal(verb.path.begin(), verb.path.end(), below.path.begin()))
      out << "\n        " << quoted(below.path.back() + ":" + below.help);
  out << "\n      )\n      _describe verb verbs ;;\n    rest)\n      case $line[1] in\n";
  for (const std::string& name : verb.verbs)
    out << "        " << name << ") " << zsh_function(verb) << '_' << name << " ;;\n";
  out << "      esac ;;\n  esac\n}\n";
}

std::string fish_condition(const SyntaxVerb& verb) {
  if (verb.path.empty()) return "__fish_use_subcommand";
  std::string text;
  for (const std::string& word : verb.path)
    text += (text.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
  return text;
}

std::string fish_arguments(const SyntaxOption& option) {
  switch (option.takes) {
    case Takes::nothing:
      return "";
    case Takes::file:
    case Takes::folder:
      return " -r -F";
    case Takes::choice:
      return " -x -a " + quoted(joined_words(option.choices, " "));
    case Takes::profile:
    case Takes::case_name:
      return " -x -a " + quoted("(" + command_of(option.takes) + ")");
    case Takes::other:
      return " -x";
  }
  return "";
}

}  // namespace

std::string bash_completion(const std::vector<SyntaxVerb>& verbs) {
  std::ostringstream out;
  out << "# bash completion for egressproof: egressproof completion bash\n_egressproof() {\n"
      << "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} verb= word\n"
      << "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case \"$verb/$word\" in\n";
  for (const SyntaxVerb& verb : verbs)
    if (!verb.path.empty()) {
      const std::vector<std::string> above(verb.path.begin(), verb.path.end() - 1);
      out << "      " << quoted((above.empty() ? "" : "/" + joined_words(above, "/")) + "/" + verb.path.back())
          << ") verb=" << quoted("/" + joined_words(verb.path, "/")) << " ;;\n";
    }
  out << "    esac\n  done\n  case \"$verb $previous\" in\n";
  for (const SyntaxVerb& verb : verbs)
    for (const SyntaxOption& option : verb.options)
      if (option.takes != Takes::nothing)
        for (const std::string& name : option.names)
          out << "    " << quoted((verb.path.empty() ? "" : "/" + joined_words(verb.path, "/")) + " " + name)
              << ") mapfile -t COMPREPLY < <(" << bash_source(option) << "); return ;;\n";
  out << "  esac\n  case \"$verb\" in\n";
  for (const SyntaxVerb& verb : verbs) {
    std::vector<std::string> options;
    for (const SyntaxOption& option : verb.options)
      options.insert(options.end(), option.names.begin(), option.names.end());
    const SyntaxOption* positional = positional_of(verb);
    const std::string words = "compgen -W \"" + joined_words(verb.verbs, " ") + "\" -- \"$current\"";
    out << "    " << quoted(verb.path.empty() ? "" : "/" + joined_words(verb.path, "/")) << ")\n"
        << "      if [[ $current == -* ]]; then\n        mapfile -t COMPREPLY < <(compgen -W \""
        << joined_words(options, " ") << "\" -- \"$current\")\n      else\n        mapfile -t COMPREPLY < <("
        << (!verb.verbs.empty()     ? words
            : positional != nullptr ? bash_source(*positional)
                                    : ":")
        << ")\n      fi ;;\n";
  }
  out << "  esac\n}\ncomplete -o filenames -o bashdefault -F _egressproof egressproof\n";
  return out.str();
}

std::string zsh_completion(const std::vector<SyntaxVerb>& verbs) {
  std::ostringstream out;
  out << "#compdef egressproof\n# zsh completion for egressproof: egressproof completion zsh\n";
  for (const SyntaxVerb& verb : verbs) write_zsh(verb, verbs, out);
  out << "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n  _egressproof \"$@\"\nelse\n"
      << "  compdef _egressproof egressproof\nfi\n";
  return out.str();
}

std::string fish_completion(const std::vector<SyntaxVerb>& verbs) {
  std::ostringstream out;
  out << "# fish completion for egressproof: egressproof completion fish\ncomplete -c egressproof -f\n";
  for (const SyntaxVerb& verb : verbs) {
    const std::string when = " -n " + quoted(fish_condition(verb));
    for (const SyntaxVerb& below : verbs)
      if (below.path.size() == verb.path.size() + 1 &&
          std::equal(verb.path.begin(), verb.path.end(), below.path.begin()))
        out << "complete -c egressproof"
            << (verb.path.empty() ? when
                                  : " -n " + quoted(fish_condition(verb) + "; and not __fish_seen_subcommand_from " +
                                                    joined_words(verb.verbs, " ")))
            << " -a " << below.path.back() << " -d " << quoted(below.help) << '\n';
    for (const SyntaxOption& option : verb.options) {
      if (!option.positional.empty()) {
        out << "complete -c egressproof" << when
            << (option.takes == Takes::case_name ? " -a " + quoted("(" + command_of(option.takes) + ")") : " -F")
            << '\n';
        continue;
      }
      out << "complete -c egressproof" << when;
      for (const std::string& name : option.names)
        out << (name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1));
      out << fish_arguments(option) << " -d " << quoted(option.help) << '\n';
    }
  }
  return out.str();
}

}  // namespace egressproof::cli
