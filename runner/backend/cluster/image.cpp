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

// What ldd says of one line: "libc.so.6 => /lib/.../libc.so.6 (0x...)", "/lib64/ld-linux-x86-64.so.2 (0x...)",
// "linux-vdso.so.1 (0x...)", "libx.so => not found".
Result<std::set<std::string>> libraries_of(const std::filesystem::path& program) {
  process::Command command;
  command.argv = {"ldd", program.string()};
  command.env = {{"LC_ALL", "C"}};
  const auto said = process::run_checked(command, std::chrono::seconds(30));
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

Result<void> add_file(TarTree& tree, const std::string& path, const std::filesystem::path& from) {
  auto content = read_file(from);
  if (!content) return tl::unexpected(content.error());
  add_folders(tree, path);
  tree[path] = {false, program_mode, std::move(*content)};
  return {};
}

Result<TarTree> files_of(const std::filesystem::path& programs) {
  TarTree tree;
  tree["tmp"] = {true, temporary_mode};
  std::set<std::string> libraries;
  for (const std::string name : {"egressproof-probe", "egressproof-target"}) {
    if (auto added = add_file(tree, "usr/bin/" + name, programs / name); !added) return tl::unexpected(added.error());
    auto found = libraries_of(programs / name);
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
                                 const std::filesystem::path& output) {
  if (!has_tag(reference)) return fail(ErrorKind::usage, "the image '" + reference + "' is not NAME:TAG");
  const auto machine = architecture();
  if (!machine) return tl::unexpected(machine.error());
  const auto files = files_of(programs);
  if (!files) return tl::unexpected(files.error());
  auto layer = tar_of(*files);
  if (!layer) return tl::unexpected(layer.error());
  const Json config = {
      {"architecture", *machine},
      {"os", "linux"},
      {"created", epoch},
      {"config",
       {{"User", "65532:65532"}, {"Env", {"PATH=/usr/bin"}}, {"Cmd", {"egressproof-probe"}}, {"WorkingDir", "/"}}},
      {"rootfs", {{"type", "layers"}, {"diff_ids", {"sha256:" + sha256_hex(*layer)}}}},
      {"history", Json::array({{{"created", epoch}, {"created_by", "egressproof"}}})}};
  const std::string config_text = config.dump();
  const std::string config_name = sha256_hex(config_text) + ".json";
  Json image;
  image["Config"] = config_name;
  image["RepoTags"] = Json::array({reference});
  image["Layers"] = Json::array({"layer.tar"});
  TarTree outer;
  constexpr mode_t readable_mode = 0644;
  outer[config_name] = {false, readable_mode, config_text};
  outer["layer.tar"] = {false, readable_mode, std::move(*layer)};
  outer["manifest.json"] = {false, readable_mode, Json::array({image}).dump() + "\n"};
  const auto archive = tar_of(outer);
  if (!archive) return tl::unexpected(archive.error());
  return write_file_atomically(output, *archive);
}

}  // namespace egressproof::backend::cluster
