#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>

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
  std::string reference;
  bool runner = false;
  std::string kubectl, suite = "scenarios";
};

// Named outright, or found as a shell would.
Result<std::filesystem::path> kubectl_of(const ImageOptions& options) {
  if (options.kubectl.find('/') != std::string::npos) return options.kubectl;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const auto found = std::filesystem::path(folder) / "kubectl"; ::access(found.c_str(), X_OK) == 0) return found;
  return fail(ErrorKind::environment, "there is no kubectl in PATH; say where it is with --kubectl FILE");
}

int write_image(const ImageOptions& options) {
  const std::string reference = !options.reference.empty() ? options.reference
                                : options.runner           ? default_runner_image()
                                                           : default_image();
  std::optional<backend::cluster::RunnerParts> runner;
  if (options.runner) {
    const auto kubectl = kubectl_of(options);
    if (!kubectl) return fail_with(kubectl.error());
    if (const auto suite = load_suite({options.suite}); !suite) return fail_with(suite.error());
    runner = {*kubectl, options.suite};
  }
  const auto written = backend::cluster::write_image_archive(program_folder(), reference, options.output, runner);
  if (!written) {
    complain(to_string(written.error()));
    return run::exit_code_of(written.error().kind);
  }
  std::cout << "wrote " << options.output << " (" << reference << ")\n"
            << "to a kind cluster:  kind load image-archive " << options.output << " --name CLUSTER\n"
            << "to a registry:      docker load --input " << options.output << " && docker tag " << reference
            << " REGISTRY/NAME:TAG && docker push REGISTRY/NAME:TAG\n";
  return run::exit_matched;
}

}  // namespace

Verb add_image(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("image", "Write the image of probe and target that a cluster needs");
  auto options = std::make_shared<ImageOptions>();
  verb->add_option("--output", options->output, "archive to write")->type_name("FILE")->capture_default_str();
  verb->add_option("--reference", options->reference, "name of the image; default: " + default_image())
      ->type_name("REF");
  verb->add_flag("--runner", options->runner, "the image of a runner instead: with egressproof, kubectl and the suite");
  verb->add_option("--kubectl", options->kubectl, "of a runner; default: in PATH")->type_name("FILE");
  verb->add_option("--suite", options->suite, "of a runner: folder of scenario files")
      ->type_name("DIR")
      ->capture_default_str();
  verb->footer(
      "The archive is what 'docker save' writes: the two programs and the libraries that they need, no shell, no base "
      "image.\n"
      "Examples:\n"
      "  egressproof image\n"
      "  egressproof image --runner --output runner.tar\n"
      "  egressproof run --backend cluster --image REGISTRY/NAME:TAG");
  return [options] { return write_image(*options); };
}

}  // namespace egressproof::cli
