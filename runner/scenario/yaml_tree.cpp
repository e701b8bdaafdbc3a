#include "runner/scenario/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "runner/scenario/text_bytes.h"

namespace egressproof::scenario {
namespace {

// Aliases of aliases grow exponentially; a suite of this size is a mistake or an attack.
constexpr std::size_t max_nodes = 200000;

struct GivenUp {};

// Marks of yaml-cpp count lines and bytes from 0.
class Places {
 public:
  Places(std::string file, const std::string& text) : file_(std::move(file)), text_(text) {
    line_starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') line_starts_.push_back(i + 1);
  }
  [[nodiscard]] std::size_t offset(const YAML::Mark& mark) const {
    if (mark.line < 0 || static_cast<std::size_t>(mark.line) >= line_starts_.size()) return text_.size();
    return std::min(text_.size(), line_starts_[static_cast<std::size_t>(mark.line)] +
                                      static_cast<std::size_t>(std::max(0, mark.column)));
  }
  [[nodiscard]] Location location(const YAML::Mark& mark) const {
    if (mark.line < 0 || static_cast<std::size_t>(mark.line) >= line_starts_.size()) return {file_, 0, 0};
    return location(offset(mark));
  }
  [[nodiscard]] Location location(std::size_t offset) const {
    const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
    const auto line = next - line_starts_.begin();
    const std::string_view before = std::string_view(text_).substr(*(next - 1), offset - *(next - 1));
    return {file_, static_cast<int>(line), static_cast<int>(count_characters(before)) + 1};
  }
  // yaml-cpp takes the end of the file for the closing quote.
  [[nodiscard]] bool quote_is_closed(std::size_t begin) const {
    if (begin >= text_.size() || (text_[begin] != '"' && text_[begin] != '\'')) return true;
    const char quote = text_[begin];
    for (std::size_t i = begin + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\')
        ++i;
      else if (text_[i] == quote)
        return true;  // '' within single quotes: the second one closes just as well
    }
    return false;
  }

 private:
  std::string file_;
  const std::string& text_;
  std::vector<std::size_t> line_starts_;
};

std::size_t size_of(const Node& node) {
  std::size_t size = 1;
  for (const Node& item : node.items) size += size_of(item);
  for (const Entry& entry : node.entries) size += size_of(entry.key) + size_of(entry.value);
  return size;
}

class Builder : public YAML::EventHandler {
 public:
  Builder(const Places& places, std::vector<Diagnostic>& problems) : places_(places), problems_(problems) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    start_ = places_.offset(mark);
    anchors_.clear();
    root_ = Node{};
    root_.at = places_.location(mark);
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    finish(start(Node::Kind::null, mark, ""), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      problems_.push_back({places_.location(mark), "an alias within the node that it names", "", ""});
      throw GivenUp{};
    }
    charge(mark, size_of(found->second));
    finish(Node(found->second), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = start(Node::Kind::scalar, mark, tag);
    node.text = value;
    node.plain = tag == "?";
    if (!node.plain && !places_.quote_is_closed(node.offset)) {
      problems_.push_back({node.at, "this quote is never closed", "", ""});
      throw GivenUp{};
    }
    finish(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open_.push_back({start(Node::Kind::sequence, mark, tag), anchor, std::nullopt});
    open_.back().node.flow = style == YAML::EmitterStyle::Flow;
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open_.push_back({start(Node::Kind::map, mark, tag), anchor, std::nullopt});
    open_.back().node.flow = style == YAML::EmitterStyle::Flow;
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] std::size_t start_offset() const { return start_; }
  Node take_root() { return std::move(root_); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    std::optional<Node> key;
  };

  void charge(const YAML::Mark& mark, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ <= max_nodes) return;
    problems_.push_back({places_.location(mark), "more than 200000 nodes, aliases counted in full", "", ""});
    throw GivenUp{};
  }
  Node start(Node::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    charge(mark, 1);
    Node node;
    node.kind = kind;
    node.offset = places_.offset(mark);
    node.at = places_.location(mark);
    if (tag != "?" && tag != "!") node.tag = tag;
    return node;
  }
  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    finish(std::move(done.node), done.anchor);
  }
  void finish(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::sequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = std::move(node);
    } else {
      parent.node.entries.push_back({std::move(*parent.key), std::move(node)});
      parent.key.reset();
    }
  }

  const Places& places_;
  std::vector<Diagnostic>& problems_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  Node root_;
  std::size_t start_ = 0;
  std::size_t nodes_ = 0;
};

std::string hint_for(const std::string& what, const std::string& text, std::size_t offset) {
  const char found = offset < text.size() ? text[offset] : '\0';
  const std::size_t line = offset == 0 ? 0 : text.rfind('\n', offset - 1) + 1;  // npos + 1 is 0
  const std::size_t indented = text.find_first_not_of(" \t", line);
  if (text.substr(line, indented - line).find('\t') != std::string::npos) return "indent with spaces";
  if (what.find("flow not found") != std::string::npos)
    return "a bracket or brace before this is open, or a text with one in it lacks quotes";
  if (what == "illegal map value")
    return "a text with ': ' in it needs quotes, and keys of one map stand in one column";
  if (what == "illegal block entry") return "not applicable is written '.', and no list of '- ' stands within brackets";
  if (what != "unknown token") return "";
  if (found == '?') return "within brackets or braces a text with '?' in it needs quotes";
  return "a text that begins with this character needs quotes";
}

// YAML text is UTF-8 without control characters; yaml-cpp would take anything.
std::optional<Diagnostic> bad_byte(const Places& places, const std::string& text) {
  const auto at = find_bad_byte(text);
  if (!at) return std::nullopt;
  const bool control = static_cast<unsigned char>(text[*at]) < 0x80;
  return Diagnostic{places.location(*at), control ? "a control character" : "not UTF-8", "", ""};
}

// "---" alone on its line is no part of a document's text.
std::size_t after_marker(const std::string& text, std::size_t begin) {
  if (text.compare(begin, 3, "---") != 0) return begin;
  const std::size_t end = text.find('\n', begin);
  if (text.find_first_not_of(" \r", begin + 3) < end) return begin;
  return end == std::string::npos ? text.size() : end + 1;
}

}  // namespace

const Node* find(const Node& map, std::string_view key) {
  for (const Entry& entry : map.entries)
    if (entry.key.kind == Node::Kind::scalar && entry.key.text == key) return &entry.value;
  return nullptr;
}

ParsedYaml parse_yaml(const std::string& file, std::string text) {
  ParsedYaml parsed;
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  parsed.text = std::move(text);
  const Places places(file, parsed.text);
  if (auto problem = bad_byte(places, parsed.text)) {
    parsed.problems.push_back(std::move(*problem));
    return parsed;
  }
  try {
    std::istringstream input(parsed.text);
    YAML::Parser parser(input);
    Builder builder(places, parsed.problems);
    while (parser.HandleNextDocument(builder)) {
      const std::size_t begin = builder.start_offset();
      if (!parsed.documents.empty()) parsed.documents.back().end = begin;
      parsed.documents.push_back({builder.take_root(), after_marker(parsed.text, begin), parsed.text.size()});
    }
  } catch (const YAML::Exception& error) {
    const std::size_t offset = places.offset(error.mark);
    parsed.problems.push_back(
        {places.location(error.mark), "not YAML: " + error.msg, hint_for(error.msg, parsed.text, offset), ""});
  } catch (const GivenUp&) {
    // The problem is already told.
  } catch (const std::exception& error) {
    parsed.problems.push_back({{file, 0, 0}, std::string("not YAML: ") + error.what(), "", ""});
  }
  return parsed;
}

}  // namespace egressproof::scenario
