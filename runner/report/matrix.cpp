#include "runner/report/matrix.h"

#include <algorithm>
#include <ostream>
#include <set>

#include "runner/report/grid.h"
#include "runner/report/printable.h"

namespace egressproof::report {
namespace {

constexpr std::size_t indent = 2;
constexpr std::size_t shortest_names = 24;  // names are not cut below this to save a block

struct Layout {
  std::size_t names = 0;                  // columns of the case names
  std::size_t gap = 2;                    // before each column
  std::vector<std::size_t> widths;        // of each profile's column
  std::vector<std::size_t> block_starts;  // indices into the profiles; the last one is their number
};

std::vector<std::size_t> widths_of(const Grid& grid) {
  std::vector<std::size_t> widths;
  for (const auto& profile : grid.profiles) {
    std::size_t width = columns(printable(profile));
    for (const auto& group : grid.groups)
      for (const auto& id : group.cases)
        width = std::max(width, columns(mark_at(grid, group.scenario.name, id, profile).text));
    widths.push_back(width);
  }
  return widths;
}

// Whether cutting names to `width` leaves two cases of a scenario with one name.
bool ambiguous(const Grid& grid, std::size_t width) {
  return std::any_of(grid.groups.begin(), grid.groups.end(), [&](const Group& group) {
    std::set<std::string> seen;
    return !std::all_of(group.cases.begin(), group.cases.end(),
                        [&](const std::string& id) { return seen.insert(elided(printable(id), width)).second; });
  });
}

std::vector<std::size_t> blocks(const Layout& layout, std::size_t available) {
  std::vector<std::size_t> starts = {0};
  std::size_t used = 0;
  for (std::size_t i = 0; i < layout.widths.size(); ++i) {
    const std::size_t more = layout.gap + layout.widths[i];
    if (used > 0 && used + more > available) {
      starts.push_back(i);
      used = 0;
    }
    used += more;
  }
  starts.push_back(layout.widths.size());
  return starts;
}

Layout layout_of(const Grid& grid, std::size_t width) {
  Layout layout;
  layout.widths = widths_of(grid);
  std::size_t longest = 0;
  for (const auto& group : grid.groups)
    for (const auto& id : group.cases) longest = std::max(longest, columns(printable(id)));
  std::size_t marks = 0;
  for (const auto one : layout.widths) marks += one;
  const std::size_t count = layout.widths.size();
  std::size_t shortest = std::min(longest, shortest_names);
  while (shortest < longest && ambiguous(grid, shortest)) ++shortest;

  layout.names = longest;
  if (indent + longest + marks + 2 * count > width) layout.gap = 1;
  const std::size_t narrow = indent + marks + count;
  if (layout.gap == 1 && narrow + longest > width) {
    layout.names = shortest;
    if (narrow + shortest <= width)
      layout.names = width - narrow;
    else
      layout.gap = 2;  // several blocks in any case: they may as well be easy to read
    if (ambiguous(grid, layout.names)) layout.names = shortest;
  }
  const std::size_t taken = indent + layout.names;
  layout.block_starts = blocks(layout, width > taken ? width - taken : 0);
  return layout;
}

void write_group(const Grid& grid, const Group& group, const Layout& layout, const TextOptions& options,
                 std::ostream& out) {
  const std::string margin(indent, ' ');
  const std::string gap(layout.gap, ' ');
  out << '\n' << painted(printable(group.scenario.name), Tone::title, options.colour);
  if (!group.scenario.title.empty()) out << ": " << printable(group.scenario.title);
  out << '\n';
  for (const auto& line : wrapped(group.scenario.requirement, static_cast<std::size_t>(options.width) - indent))
    out << margin << painted(line, Tone::faint, options.colour) << '\n';
  for (std::size_t block = 0; block + 1 < layout.block_starts.size(); ++block) {
    const std::size_t first = layout.block_starts[block];
    const std::size_t end = layout.block_starts[block + 1];
    // Nothing after the last column: blanks at the end of a line would wrap.
    const auto cell = [&](std::size_t at, const std::string& text, Tone tone) {
      out << gap << painted(text, tone, options.colour);
      if (at + 1 < end) out << std::string(layout.widths[at] - columns(text), ' ');
    };
    out << margin << std::string(layout.names, ' ');
    for (std::size_t at = first; at < end; ++at) cell(at, printable(grid.profiles[at]), Tone::title);
    out << '\n';
    for (const auto& id : group.cases) {
      out << margin << padded(elided(printable(id), layout.names), layout.names);
      for (std::size_t at = first; at < end; ++at) {
        const Mark mark = mark_at(grid, group.scenario.name, id, grid.profiles[at]);
        cell(at, mark.text, mark.tone);
      }
      out << '\n';
    }
  }
}

void write_table(const std::vector<std::pair<Mark, std::string>>& lines, const TextOptions& options,
                 std::ostream& out) {
  std::size_t widest = 0;
  for (const auto& [mark, text] : lines) widest = std::max(widest, columns(mark.key));
  const std::size_t start = indent + widest + 2;
  const auto width = static_cast<std::size_t>(options.width);
  for (const auto& [mark, text] : lines) {
    out << std::string(indent, ' ') << painted(mark.key, mark.tone, options.colour)
        << std::string(widest - columns(mark.key) + 2, ' ');
    const auto parts = wrapped(text, width > start + 20 ? width - start : 20);
    for (std::size_t i = 0; i < parts.size(); ++i) out << (i == 0 ? "" : std::string(start, ' ')) << parts[i] << '\n';
    if (parts.empty()) out << '\n';
  }
}

void write_legend(const Report& report, const Grid& grid, const TextOptions& options, std::ostream& out) {
  std::vector<std::pair<Mark, std::string>> titles;
  for (const auto& profile : grid.profiles) {
    const auto title = report.profile_titles.find(profile);
    if (title == report.profile_titles.end() || title->second.empty()) continue;
    Mark mark;
    mark.key = printable(profile);
    titles.emplace_back(mark, title->second);
  }
  if (!titles.empty()) out << "\nprofiles\n";
  write_table(titles, options, out);

  std::vector<std::pair<Mark, std::string>> legend;
  for (const Mark& mark : used_marks(grid)) legend.emplace_back(mark, mark.meaning);
  out << "\nmarks\n";
  write_table(legend, options, out);
}

}  // namespace

void write_matrix(const Report& report, const Cells& cells, const TextOptions& options, std::ostream& out) {
  const Grid grid = grid_of(report, cells);
  if (grid.groups.empty()) return;
  const Layout layout = layout_of(grid, static_cast<std::size_t>(options.width));
  for (const auto& group : grid.groups) write_group(grid, group, layout, options, out);
  write_legend(report, grid, options, out);
}

}  // namespace egressproof::report
