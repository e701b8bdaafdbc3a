#include "runner/backend/cluster/image.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#include <map>
#include <set>
#include <sstream>

#include "base/crypto.h"
#include "base/files.h"
#include "base/json.h"
#include "runner/backend/cluster/tar.h"
#include "runner/process/child.h"

namespace egressproof::backend::cluster {
namespace {

constexpr const char* epoch = "1970-01-01T00:00:00Z";
constexpr mode_t program_mode = 0755;
constexpr mode_t temporary_mode = 01777;
constexpr mode_t file_mode = 0644;

// What ldd says of one line: "libc.so.6 => /lib/.../libc.so.6 (0x...)", "/lib64/ld-linux-x86-64.so.2 (0x...)",
// "linux-vdso.so.1 (0x...)", "libx.so => not found".
Result<std::set<std::string>> libraries_of(const std::filesystem::path& program) {
  process::Command command;
  command.argv = {"ldd", program.string()};
  command.env = {{"LC_ALL", "C"}};
  const auto said = process::run_checked(command, std::chrono::seconds(30));
  const bool is_static = !said && said.error().message.find("not a dynamic executable") != std::string::npos;
  if (is_static && read_file(program).value_or("").starts_with("\x7f"
                                                               "ELF"))
    return std::set<std::string>{};  // linked statically, as kubectl is
  if (!said) return tl::unexpected(said.error());
  std::set<std::string> paths;
  std::istringstream lines(*said);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("not found") != std::string::npos)
      return fail(ErrorKind::environment, "ldd '" + program.string() + "':" + line);
    const std::size_t begin = line.find('/');
    if (begin == std::string::npos) continue;
    paths.insert(line.substr(begin, line.find(" (", begin) - begin));
  }
  return paths;
}

void add_folders(TarTree& tree, const std::filesystem::path& path) {
  for (auto folder = path.parent_path(); !folder.empty(); folder = folder.parent_path())
    tree.emplace(folder.string(), TarEntry{true});
}

Result<void> add_file(TarTree& tree, const std::string& path, const std::filesystem::path& from,
                      mode_t mode = program_mode) {
  auto content = read_file(from);
  if (!content) return tl::unexpected(content.error());
  add_folders(tree, path);
  tree[path] = {false, mode, std::move(*content)};
  return {};
}

Result<void> add_suite(TarTree& tree, const std::filesystem::path& suite) {
  std::error_code code;
  std::filesystem::recursive_directory_iterator at(suite, code);
  if (code) return fail(ErrorKind::environment, "the suite '" + suite.string() + "': " + code.message());
  for (const auto& entry : at) {
    if (!entry.is_regular_file()) continue;
    const std::string path = "suite/scenarios/" + entry.path().lexically_relative(suite).generic_string();
    if (auto added = add_file(tree, path, entry.path(), file_mode); !added) return added;
  }
  return {};
}

Result<TarTree> files_of(const std::filesystem::path& programs, const std::optional<RunnerParts>& runner) {
  TarTree tree;
  tree["tmp"] = {true, temporary_mode};
  std::map<std::string, std::filesystem::path> wanted;  // by name in /usr/bin
  for (const std::string name : {"egressproof-probe", "egressproof-target"}) wanted[name] = programs / name;
  if (runner) {
    wanted["egressproof"] = programs / "egressproof";
    wanted["kubectl"] = runner->kubectl;
    if (auto added = add_suite(tree, runner->suite); !added) return tl::unexpected(added.error());
  }
  std::set<std::string> libraries;
  for (const auto& [name, from] : wanted) {
    if (auto added = add_file(tree, "usr/bin/" + name, from); !added) return tl::unexpected(added.error());
    auto found = libraries_of(from);
    if (!found) return tl::unexpected(found.error());
    libraries.merge(*found);
  }
  for (const std::string& path : libraries)
    if (auto added = add_file(tree, path.substr(1), path); !added) return tl::unexpected(added.error());
  return tree;
}

Result<std::string> architecture() {
  static const std::map<std::string, std::string> names{
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"ppc64le", "ppc64le"}, {"s390x", "s390x"}, {"riscv64", "riscv64"}};
  utsname machine{};
  ::uname(&machine);
  const auto name = names.find(machine.machine);
  if (name == names.end())
    return fail(ErrorKind::environment, std::string("no image can be made for machine '") + machine.machine + "'");
  return name->second;
}

bool has_tag(const std::string& reference) {
  const std::size_t colon = reference.rfind(':');
  return colon != std::string::npos && colon > 0 && colon + 1 < reference.size() &&
         reference.find('/', colon) == std::string::npos && reference.find_first_of(" \t\n@") == std::string::npos;
}

}  // namespace

Result<void> write_image_archive(const std::filesystem::path& programs, const std::string& reference,
                                 const std::filesystem::path& output, const std::optional<RunnerParts>& runner) {
  if (!has_tag(reference)) return fail(ErrorKind::usage, "the image '" + reference + "' is not NAME:TAG");
  const auto machine = architecture();
  if (!machine) return tl::unexpected(machine.error());
  const auto files = files_of(programs, runner);
  if (!files) return tl::unexpected(files.error());
  auto layer = tar_of(*files);
  if (!layer) return tl::unexpected(layer.error());
  const Json config = {{"architecture", *machine},
                       {"os", "linux"},
                       {"created", epoch},
                       {"config",
                        {{"User", "65532:65532"},
                         {"Env", {"PATH=/usr/bin"}},
                         {"Cmd", {runner ? "egressproof" : "egressproof-probe"}},
                         {"WorkingDir", "/"}}},
                       {"rootfs", {{"type", "layers"}, {"diff_ids", {"sha256:" + sha256_hex(*layer)}}}},
                       {"history", Json::array({{{"created", epoch}, {"created_by", "egressproof"}}})}};
  const std::string config_text = config.dump();
  const std::string config_name = sha256_hex(config_text) + ".json";
  Json image;
  image["Config"] = config_name;
  image["RepoTags"] = Json::array({reference});
  image["Layers"] = Json::array({"layer.tar"});
  TarTree outer;
  outer[config_name] = {false, file_mode, config_text};
  outer["layer.tar"] = {false, file_mode, std::move(*layer)};
  outer["manifest.json"] = {false, file_mode, Json::array({image}).dump() + "\n"};
  const auto archive = tar_of(outer);
  if (!archive) return tl::unexpected(archive.error());
  return write_file_atomically(output, *archive);
}

}  // namespace egressproof::backend::cluster
