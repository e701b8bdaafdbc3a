#include "runner/scenario/rows.h"

namespace egressproof::scenario {
namespace {

// False: no such code.
bool parse_cell(const std::string& code, Expectation& cell) {
  const bool loose = code.size() == 2 && code[1] == '~';
  if (code.empty() || (code.size() == 2 && !loose) || code.size() > 2) return false;
  switch (code[0]) {
    case 'A':
      cell.expect = Expect::allow;
      break;
    case 'D':
      cell.expect = Expect::deny;
      break;
    case 'R':
      cell.expect = Expect::reroute;
      break;
    case 'L':
      cell.expect = Expect::leak;
      break;
    case 'X':
      cell.expect = Expect::outage;
      return !loose;
    default:
      return false;
  }
  if (loose)
    cell.stance = Stance::implementation_defined;
  else if (cell.expect == Expect::leak)
    cell.stance = Stance::known_leak;
  return true;
}

std::string cell_hint(const std::string& code) {
  if (code == "-" || code == "n/a") return "did you mean '.'?";
  if (code.size() == 1 || code.size() == 2) {
    const char upper = code[0] >= 'a' && code[0] <= 'z' ? static_cast<char>(code[0] - 'a' + 'A') : code[0];
    const std::string better = std::string(1, upper) + (code.size() == 2 ? "~" : "");
    Expectation ignored;
    if (parse_cell(better, ignored)) return "did you mean '" + better + "'?";
  }
  return "A allow, D deny, R reroute, L leak, each also with ~; X outage; . not applicable";
}

}  // namespace

std::vector<Row> read_rows(Problems& problems, const Node& node, const std::string& what,
                           const std::vector<std::string>& columns) {
  std::vector<Row> rows;
  for (const Entry* entry : read_entries(problems, node, what)) {
    Row row;
    row.key = entry->key.text;
    row.at = entry->key.at;
    const std::vector<Node>& cells = read_list(problems, entry->value, "row '" + row.key + "'");
    if (entry->value.kind == Node::Kind::sequence && cells.size() != columns.size())
      problems.add(entry->value.at, "row '" + row.key + "' has " + std::to_string(cells.size()) + " cells for " +
                                        std::to_string(columns.size()) + " profiles");
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto code = read_text(problems, cells[i], "a cell");
      if (!code || *code == ".") continue;
      Expectation cell;
      cell.at = cells[i].at;
      if (!parse_cell(*code, cell))
        problems.add(cells[i].at, "'" + *code + "' is no cell code", cell_hint(*code));
      else if (i < columns.size() && !columns[i].empty())
        row.cells[columns[i]] = cell;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace egressproof::scenario
