#include <iostream>
#include <memory>

#include "runner/backend/cluster/image.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/terminal.h"
#include "runner/cli/verbs.h"
#include "runner/cli/worlds.h"

namespace egressproof::cli {
namespace {

struct ImageOptions {
  std::string output = "egressproof-image.tar";
  std::string reference = default_image();
};

int write_image(const ImageOptions& options) {
  const auto written = backend::cluster::write_image_archive(program_folder(), options.reference, options.output);
  if (!written) {
    complain(to_string(written.error()));
    return run::exit_code_of(written.error().kind);
  }
  std::cout << "wrote " << options.output << " (" << options.reference << ")\n"
            << "to a kind cluster:  kind load image-archive " << options.output << " --name CLUSTER\n"
            << "to a registry:      docker load --input " << options.output << " && docker tag " << options.reference
            << " REGISTRY/NAME:TAG && docker push REGISTRY/NAME:TAG\n";
  return run::exit_matched;
}

}  // namespace

Verb add_image(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("image", "Write the image of probe and target that a cluster needs");
  auto options = std::make_shared<ImageOptions>();
  verb->add_option("--output", options->output, "archive to write")->type_name("FILE")->capture_default_str();
  verb->add_option("--reference", options->reference, "name of the image")->type_name("REF")->capture_default_str();
  verb->footer(
      "The archive is what 'docker save' writes: the two programs and the libraries that they need, no shell, no base "
      "image.\n"
      "Examples:\n"
      "  egressproof image\n"
      "  egressproof image --output /tmp/probe.tar && kind load image-archive /tmp/probe.tar\n"
      "  egressproof run --backend cluster --image REGISTRY/NAME:TAG");
  return [options] { return write_image(*options); };
}

}  // namespace egressproof::cli
