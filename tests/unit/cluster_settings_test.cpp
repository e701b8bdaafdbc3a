#include "runner/backend/cluster/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.h"
#include "base/files.h"
#include "runner/backend/mesh/access_log.h"
#include "runner/backend/yaml_objects.h"

namespace egressproof::backend::cluster {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const fs::path kind_data = fs::path(EGRESSPROOF_SOURCE_DIR) / "kind";

class ClusterSettings_ : public testing::Test {
 protected:
  ClusterSettings_() : folder_(fs::temp_directory_path() / ("kind-settings-" + random_hex(6))) {
    fs::create_directories(folder_);
    sources_.defaults =
        write("versions.yaml", "cluster: {name: one}\nistio: {hub: docker.io/istio, tag: \"1.31.0\"}\n");
  }
  ~ClusterSettings_() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, const std::string& text) const {
    EXPECT_TRUE(write_file_atomically(folder_ / name, text));
    return folder_ / name;
  }
  KindSettings load() const {
    auto settings = load_settings(sources_);
    EXPECT_TRUE(settings) << to_string(settings.error());
    return settings.value_or(KindSettings{});
  }
  std::string problem() const {
    const auto settings = load_settings(sources_);
    EXPECT_FALSE(settings);
    if (settings) return "";
    EXPECT_EQ(settings.error().kind, ErrorKind::usage);
    return settings.error().message;
  }
  fs::path folder_;
  SettingsSources sources_;
};

TEST_F(ClusterSettings_, FileThenEnvironmentThenFlag) {
  sources_.files = {write("a.yaml", "istio: {tag: \"file\"}\ncluster: {node-image: from-file}\n")};
  EXPECT_EQ(load().istio.tag, "file");
  EXPECT_EQ(load().istio.hub, "docker.io/istio");  // maps are merged
  sources_.environment = {{"EGRESSPROOF_KIND_ISTIO_TAG", "1.30"}, {"UNRELATED", "x"}};
  EXPECT_EQ(load().istio.tag, "1.30");  // text, although YAML would take it for a number
  sources_.assignments = {"istio.tag=flag", "images.load=[a:1, b:2]"};
  EXPECT_EQ(load().istio.tag, "flag");
  EXPECT_EQ(load().cluster.node_image, "from-file");
  EXPECT_THAT(load().images.load, ElementsAre("a:1", "b:2"));
}

TEST_F(ClusterSettings_, KindConfigurationIsLaidOverItsFile) {
  write("cluster.yaml", "kind: Cluster\nnetworking: {apiServerAddress: 127.0.0.1, ipFamily: ipv4}\n");
  sources_.files = {write("a.yaml", "cluster: {config: cluster.yaml, kind: {networking: {ipFamily: dual}}}\n")};
  sources_.assignments = {"cluster.kind.networking.disableDefaultCNI=true"};
  const Json expected = {
      {"kind", "Cluster"},
      {"networking", {{"apiServerAddress", "127.0.0.1"}, {"ipFamily", "dual"}, {"disableDefaultCNI", true}}}};
  EXPECT_EQ(load().cluster.kind_config, expected);
}

TEST_F(ClusterSettings_, PathsCountFromTheFileThatSaysThem) {
  fs::create_directories(folder_ / "sub");
  sources_.files = {write("sub/a.yaml",
                          "istio: {operators: [o.yaml, /abs/p.yaml]}\n"
                          "knative: {version: \"1.2\", serving: [\"https://x.test/v{version}/c.yaml\", "
                          "\"${SERVING}/config\"]}\n")};
  sources_.environment["SERVING"] = "/src/serving";
  EXPECT_THAT(load().istio.operators, ElementsAre(folder_ / "sub/o.yaml", fs::path("/abs/p.yaml")));
  EXPECT_THAT(load().knative.serving, ElementsAre("https://x.test/v1.2/c.yaml", "/src/serving/config"));
  sources_.assignments = {"istio.operators=[o.yaml]"};
  EXPECT_THAT(load().istio.operators, ElementsAre(fs::current_path() / "o.yaml"));
}

TEST_F(ClusterSettings_, EveryMistakeHasItsPlaceAndTheNearestKey) {
  const auto file = write("bad.yaml",
                          "cluster:\n  nam: x\nistio:\n  tag: 1.31\nknative:\n  ingress: standin\n"
                          "  serving: [\"${NOT_SET_HERE}/a\"]\n  replace: [{match: \"(\", with: x}]\n"
                          "deadlines: {istio: soon}\n");
  sources_.files = {file};
  sources_.environment["EGRESSPROOF_KIND_ISTIO_TGA"] = "x";
  sources_.assignments = {"knative.versoin=2", "novalue"};
  const std::string told = problem();
  const std::string at = file.string();
  EXPECT_THAT(told, HasSubstr(at + ":2:3: error: unknown key 'nam'"));
  EXPECT_THAT(told, HasSubstr("did you mean 'name'?"));
  EXPECT_THAT(told, HasSubstr(at + ":4:8: error: 'tag' must be a text, but 1.31 is a number in YAML"));
  EXPECT_THAT(told, HasSubstr(at + ":6:3: error: 'ingress' must be 'net-istio', 'stand-in' or 'none', not 'standin'"));
  EXPECT_THAT(told, HasSubstr("needs the environment variable NOT_SET_HERE, which is not set"));
  EXPECT_THAT(told, HasSubstr("'(' is no regular expression"));
  EXPECT_THAT(told, HasSubstr("'istio' must be a duration"));
  EXPECT_THAT(told, HasSubstr("environment variable EGRESSPROOF_KIND_ISTIO_TGA: error: there is no such setting"));
  EXPECT_THAT(told, HasSubstr("did you mean 'EGRESSPROOF_KIND_ISTIO_TAG'?"));
  EXPECT_THAT(told, HasSubstr("--set knative.versoin: error: unknown key 'versoin'"));
  EXPECT_THAT(told, HasSubstr("KEY=VALUE is expected"));
}

TEST_F(ClusterSettings_, ADuplicateKeyOfALaterFileIsTold) {
  sources_.files = {write("a.yaml", "cluster: {name: x}\ncluster: {name: y}\n")};
  EXPECT_THAT(problem(), HasSubstr("duplicate key 'cluster'"));
}

TEST(ShippedKindDataTest, DefaultsAndTheOfflineExampleLoad) {
  SettingsSources sources;
  sources.defaults = kind_data / "versions.yaml";
  const auto online = load_settings(sources);
  ASSERT_TRUE(online) << to_string(online.error());
  EXPECT_EQ(online->knative.ingress, Ingress::net_istio);
  EXPECT_EQ(online->cluster.kind_config.at("kind"), "Cluster");
  for (const auto* places : {&online->knative.serving, &online->knative.net_istio})
    for (const std::string& place : *places) EXPECT_EQ(place.find('{'), std::string::npos) << place;
  sources.files = {kind_data / "offline.yaml"};
  sources.environment = {{"KNATIVE_SERVING", "/s"}, {"KNATIVE_NETWORKING", "/n"}, {"KNATIVE_CACHING", "/c"}};
  const auto offline = load_settings(sources);
  ASSERT_TRUE(offline) << to_string(offline.error());
  EXPECT_EQ(offline->knative.ingress, Ingress::stand_in);
  EXPECT_TRUE(offline->cluster.kind_config.at("networking").at("disableDefaultCNI").get<bool>());
  for (const auto& place : offline->knative.serving) EXPECT_FALSE(is_url(place)) << place;
  for (const auto* settings : {&*online, &*offline})
    for (const auto& file : settings->istio.operators) EXPECT_TRUE(fs::exists(file)) << file;
  for (const auto& file : offline->cluster.node_files) EXPECT_TRUE(fs::exists(file.from)) << file.from;
  EXPECT_TRUE(fs::exists(offline->cluster.corefile));
}

// A record that the reader does not know is a witness lost.
TEST(ShippedKindDataTest, IstiosAccessLogIsTheOneThatIsRead) {
  const auto text = read_file(kind_data / "istio.yaml");
  ASSERT_TRUE(text);
  const auto objects = parse_objects(*text);
  ASSERT_TRUE(objects) << to_string(objects.error());
  const Json& mesh = objects->at(0).at("spec").at("meshConfig");
  EXPECT_EQ(mesh.at("accessLogFormat").get<std::string>(), mesh::access_log_format);
  EXPECT_EQ(mesh.at("accessLogEncoding"), "JSON");
}

TEST(ShippedKindDataTest, TheDocumentationListsEverySetting) {
  const auto docs = read_file(fs::path(EGRESSPROOF_SOURCE_DIR) / "docs" / "kind.md");
  ASSERT_TRUE(docs);
  for (const auto& [name, variable] : setting_names()) EXPECT_THAT(*docs, HasSubstr("`" + name + "`")) << variable;
}

}  // namespace
}  // namespace egressproof::backend::cluster
