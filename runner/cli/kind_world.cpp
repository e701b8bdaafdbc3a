#include "runner/cli/kind_world.h"

#include <algorithm>
#include <iostream>

#include "base/crypto.h"
#include "base/files.h"
#include "runner/backend/cluster/image.h"
#include "runner/cli/suite_source.h"

namespace egressproof::cli {
namespace {

namespace cluster = backend::cluster;

constexpr std::chrono::seconds load_limit{180};

// Named by what is in it: a build of yesterday is never taken for today's.
Result<std::string> image_reference(const std::string& prefix) {
  std::string digests;
  for (const char* program : {"egressproof-probe", "egressproof-target"}) {
    const auto content = read_file(std::filesystem::path(program_folder()) / program);
    if (!content) return tl::unexpected(content.error());
    digests += sha256_hex(*content);
  }
  return prefix + ":" + sha256_hex(digests).substr(0, 12);
}

// Whether every node says that it has the image.
Result<bool> in_every_node(const cluster::Kubectl& kubectl, const std::string& reference) {
  const auto nodes = kubectl.get({"nodes"});
  if (!nodes) return tl::unexpected(nodes.error());
  for (const Json& node : nodes->value("items", Json::array())) {
    bool has = false;
    for (const Json& image : node.value("status", Json::object()).value("images", Json::array()))
      for (const Json& name : image.value("names", Json::array())) has = has || name == reference;
    if (!has) return false;
  }
  return true;
}

}  // namespace

Result<cluster::WorldSettings> kind_world(const KindOptions& options, const std::string& run_id) {
  const auto site = kind_site(options);
  if (!site) return tl::unexpected(site.error());
  const auto kubeconfig = bring_up_kind(*site, options.quiet);
  if (!kubeconfig) return tl::unexpected(kubeconfig.error());
  const auto reference = image_reference(site->options.settings.images.prefix);
  if (!reference) return tl::unexpected(reference.error());
  const cluster::Kubectl kubectl = site->tools.kubectl(*kubeconfig);
  const auto there = in_every_node(kubectl, *reference);
  if (!there) return tl::unexpected(there.error());
  if (!*there) {
    const auto archive = site->options.state_folder / "image.tar";
    if (auto written = cluster::write_image_archive(program_folder(), *reference, archive); !written)
      return tl::unexpected(written.error());
    const auto loaded = process::run_checked(
        site->tools.kind({"load", "image-archive", archive.string(), "--name", site->options.settings.cluster.name}),
        load_limit);
    std::error_code ignored;
    std::filesystem::remove(archive, ignored);
    if (!loaded) return tl::unexpected(loaded.error());
    if (!options.quiet) std::cerr << "image " << *reference << " is in the nodes" << std::endl;
  }
  cluster::WorldSettings world;
  world.name = "kind";
  world.kubectl = site->tools.tool("kubectl").path;
  world.kubeconfig = *kubeconfig;
  world.image = *reference;
  world.run_id = run_id;
  world.ingress_stand_in = site->options.settings.knative.ingress == cluster::Ingress::stand_in;
  return world;
}

}  // namespace egressproof::cli
