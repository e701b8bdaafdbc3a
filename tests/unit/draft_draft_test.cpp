// Manifests to a matrix: what is read, what is expected, and that whatever is drafted can be loaded.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "runner/draft/draft.h"
#include "runner/draft/holes.h"
#include "runner/scenario/loader.h"

namespace egressproof::draft {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DraftTest : public testing::Test {
 protected:
  DraftTest() {
    std::string name = (fs::temp_directory_path() / "egressproof-draft-test-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~DraftTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  void read() { read(folder_.string()); }
  void read(const std::string& path) {
    manifests = read_manifests(path);
    model = interpret(manifests, "default");
  }
  // Drafts, and loads what was drafted.
  Draft draft(const Matrix* matrix = nullptr) {
    Options options;
    options.source = "manifests";
    options.matrix = matrix;
    for (const std::string& file : manifests.files) options.referenced_as[file] = fs::absolute(file).string();
    auto made = make_draft(manifests, model, options);
    if (!made) {
      ADD_FAILURE() << to_string(made.error());
      return {};
    }
    for (const auto& [name, content] : made->files) write("drafted/" + name, content);
    scenario::Loaded loaded = scenario::load({(folder_ / "drafted").string()});
    for (const Diagnostic& one : loaded.diagnostics) ADD_FAILURE() << scenario::render(one);
    suite = std::move(loaded.suite);
    return std::move(*made);
  }
  static char code(const Draft& draft, const std::string& scenario, const std::string& id, const std::string& profile) {
    const Cell* cell = draft.cell(scenario, id, profile);
    return cell == nullptr ? '.' : cell->code;
  }

  fs::path folder_;
  Manifests manifests;
  Model model;
  scenario::Suite suite;
};

std::string entry(const std::string& ns, const std::string& host, const std::string& resolution,
                  const std::string& more = "") {
  return "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: " + ns +
         "-entry, namespace: " + ns + "}\nspec:\n  hosts: [\"" + host + "\"]\n  resolution: " + resolution + "\n" +
         more +
         "  ports:\n    - {number: 80, name: http, protocol: HTTP}\n    - {number: 443, name: tls, protocol: TLS}\n";
}

std::string sidecar(const std::string& ns, const std::string& more = "") {
  return "---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: " + ns +
         "}\nspec:\n" + more + "  outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n";
}

TEST_F(DraftTest, ReadsFoldersDocumentsAndListsAndTellsWhatItLeavesOut) {
  write("a/one.yaml", sidecar("shop") + entry("shop", "api.example.com", "DNS"));
  write("b/two.yml",
        "apiVersion: v1\nkind: List\nitems:\n  - {apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n"
        "  - {apiVersion: v1, kind: Secret, metadata: {name: key, namespace: shop}}\n");
  write("b/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [two.yml]\n");
  write(".git/hidden.yaml", "not: read\n");
  read();
  EXPECT_THAT(manifests.problems, IsEmpty());
  EXPECT_EQ(manifests.files.size(), 3U);
  EXPECT_EQ(manifests.all.size(), 4U);
  EXPECT_EQ(model.understood.size(), 3U);
  ASSERT_EQ(model.asides.size(), 2U);
  EXPECT_EQ(model.asides[0].what, "Kustomization");
  EXPECT_EQ(model.asides[1].what, "Secret key");
  EXPECT_EQ(model.listings.front().at.line, 12);
}

TEST_F(DraftTest, MistakesAreToldWithPlaceAndNearestKey) {
  write("a.yaml", entry("shop", "api.example.com", "DSN", "  exportsTo: [\".\"]\n"));
  read();
  ASSERT_EQ(model.problems.size(), 2U);
  EXPECT_EQ(model.problems[0].message, "unknown key 'exportsTo' in a ServiceEntry's spec");
  EXPECT_EQ(model.problems[0].hint, "did you mean 'exportTo'?");
  EXPECT_EQ(model.problems[0].at.line, 8);
  EXPECT_EQ(model.problems[1].hint, "did you mean 'DNS'?");
}

TEST_F(DraftTest, TwoObjectsOfOneNameAreAnError) {
  write("base.yaml", sidecar("shop"));
  write("overlay.yaml", sidecar("shop"));
  read();
  ASSERT_EQ(manifests.problems.size(), 1U);
  EXPECT_THAT(manifests.problems[0].message, HasSubstr("a second Sidecar 'default' in namespace 'shop'"));
}

TEST_F(DraftTest, ListedIsAllowedAndAllElseDenied) {
  write("a.yaml", sidecar("shop") + entry("shop", "api.example.com", "DNS"));
  read();
  const Draft made = draft();
  EXPECT_EQ(code(made, "allowed", "allow-api-example-com-80", "shop"), 'A');
  EXPECT_EQ(code(made, "allowed", "allow-api-example-com-443", "shop"), 'A');
  EXPECT_EQ(code(made, "lookalikes", "prefix-api-example-com-80", "shop"), 'D');
  EXPECT_EQ(code(made, "lookalikes", "suffix-api-example-com-443", "shop"), 'D');
  EXPECT_EQ(code(made, "unlisted", "unlisted-http", "shop"), 'D');
  EXPECT_EQ(code(made, "unlisted", "other-port-api-example-com", "shop"), 'D');
  EXPECT_EQ(code(made, "spoofed", "host-spoof-api-example-com-80", "shop"), 'R');
  EXPECT_EQ(code(made, "spoofed", "sni-spoof-api-example-com-443", "shop"), 'R');
  EXPECT_EQ(code(made, "limits", "past-the-sidecar", "shop"), 'L');
  EXPECT_THAT(made.cell("allowed", "allow-api-example-com-80", "shop")->follows, HasSubstr("a.yaml:12"));
  EXPECT_THAT(made.files.at("allowed.yaml"), HasSubstr("# shop A: ServiceEntry shop-entry ("));
}

TEST_F(DraftTest, ResolutionNoneIsTheCauseOfASpoofThatMustBeDenied) {
  write("a.yaml", sidecar("shop") + entry("shop", "api.example.com", "NONE"));
  read();
  const Draft made = draft();
  const Cell* host = made.cell("spoofed", "host-spoof-api-example-com-80", "shop");
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(host->code, 'D');
  ASSERT_FALSE(host->causes.empty());
  EXPECT_EQ(host->causes[0].hole, "none-host-spoof");
  EXPECT_EQ(host->causes[0].at.line, 13);
  EXPECT_EQ(made.cell("spoofed", "sni-spoof-api-example-com-443", "shop")->causes[0].hole, "none-sni-spoof");
}

TEST_F(DraftTest, AWildcardHasMembersAnApexAndLookAlikes) {
  write("a.yaml", sidecar("shop") + entry("shop", "*.example.com", "NONE"));
  read();
  const Draft made = draft();
  EXPECT_EQ(code(made, "allowed", "allow-any-example-com-443", "shop"), 'A');
  EXPECT_EQ(code(made, "allowed", "deep-any-example-com-443", "shop"), 'A');
  EXPECT_EQ(code(made, "lookalikes", "apex-any-example-com-443", "shop"), 'D');
  EXPECT_EQ(made.cell("spoofed", "sni-spoof-any-example-com-443", "shop")->causes[0].hole, "none-wildcard");
}

TEST_F(DraftTest, WhatATenantListsIsForTheTenantUnlessExportToSaysOtherwise) {
  write("a.yaml", sidecar("one") + entry("one", "one.example.com", "DNS"));
  write("b.yaml", sidecar("two") + entry("two", "two.example.com", "DNS", "  exportTo: [\".\", one]\n"));
  read();
  const Draft made = draft();
  EXPECT_EQ(code(made, "allowed", "allow-one-example-com-80", "two"), 'D');
  EXPECT_EQ(made.cell("allowed", "allow-one-example-com-80", "two")->causes[0].hole, "exported-to-all");
  EXPECT_EQ(code(made, "allowed", "allow-two-example-com-80", "one"), 'A');
}

TEST_F(DraftTest, WithoutRegistryOnlyThatIsTheCauseAndMeshConfigIsPutIntoTheNamespace) {
  write("a.yaml", entry("shop", "api.example.com", "DNS"));
  read();
  const Draft open = draft();
  EXPECT_EQ(open.cell("unlisted", "unlisted-http", "shop")->causes[0].hole, "no-registry-only");
  write("mesh.yaml",
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: mesh}\n"
        "spec: {meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}}\n");
  fs::remove_all(folder_ / "drafted");
  read();
  const Draft closed = draft();
  EXPECT_THAT(closed.cell("unlisted", "unlisted-http", "shop")->causes, IsEmpty());
  EXPECT_THAT(closed.files.at("policies/shop.yaml"), HasSubstr("REGISTRY_ONLY"));
}

TEST_F(DraftTest, AGatewaysSelectorBecomesTheLabsLabelInACopyAndTheCopySaysSo) {
  read(EGRESSPROOF_SOURCE_DIR "/examples/egress-gateway-tls/manifests");
  ASSERT_EQ(model.workloads.size(), 1U);
  EXPECT_EQ(model.workloads[0].gateway, "istio-system");
  const Draft made = draft();
  EXPECT_THAT(made.files.at("policies/default.yaml"), HasSubstr("\"istio\": \"istio-system\""));
  EXPECT_THAT(made.files.at("policies/default.yaml"), HasSubstr("# changed: the selector is {istio: istio-system}"));
}

TEST_F(DraftTest, ALinkThatLeadsNowhereIsAnErrorAndATopLevelDomainIsToldAsNotTried) {
  write("a.yaml", sidecar("shop") + entry("shop", "*.com", "NONE"));
  fs::create_symlink("/nowhere/b.yaml", folder_ / "b.yaml");
  read();
  ASSERT_EQ(manifests.problems.size(), 1U);
  EXPECT_EQ(manifests.problems[0].at.file, (folder_ / "b.yaml").string());
  EXPECT_EQ(manifests.problems[0].message, "cannot be read: the link leads nowhere");
  ASSERT_EQ(model.asides.size(), 1U);
  EXPECT_TRUE(model.asides[0].untried);
  EXPECT_THAT(model.asides[0].why, HasSubstr("top-level domain"));
}

// A copy that gets its namespace keeps what was changed in it.
TEST_F(DraftTest, ACopyWithoutNamespaceKeepsItsChanges) {
  write("a.yaml",
        sidecar("shop") + entry("shop", "a.example.com", "DNS") +
            "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d}\n"
            "spec: {host: a.example.com, trafficPolicy: {tls: {mode: MUTUAL, clientCertificate: /c, privateKey: /k,"
            " caCertificates: /ca}}}\n");
  read();
  const std::string copy = draft().files.at("policies/shop.yaml");
  EXPECT_THAT(copy, HasSubstr("\"namespace\": \"default\""));
  EXPECT_THAT(copy, HasSubstr("\"caCertificates\": \"/etc/ssl/certs/ca-certificates.crt\""));
  EXPECT_THAT(copy, HasSubstr("\"mode\": \"SIMPLE\""));
  EXPECT_EQ(copy.find("clientCertificate\":"), std::string::npos);
}

TEST_F(DraftTest, TheMatrixDecidesOverTheManifests) {
  write("a.yaml", sidecar("shop") + entry("shop", "api.example.com", "DNS"));
  read();
  write("m.txt",
        "apiVersion: egressproof/v1\nkind: Matrix\nworkloads:\n  shop:\n    api.example.com:80: deny\n"
        "    other.example.com:443: deny\n");
  const ReadMatrix matrix = read_matrix((folder_ / "m.txt").string(), {"shop"});
  EXPECT_THAT(matrix.problems, IsEmpty());
  const Draft made = draft(&matrix.matrix);
  EXPECT_EQ(code(made, "allowed", "allow-api-example-com-80", "shop"), 'D');
  EXPECT_EQ(made.cell("allowed", "allow-api-example-com-80", "shop")->causes[0].hole, "listed-though-denied");
  EXPECT_EQ(code(made, "allowed", "allow-other-example-com-443", "shop"), 'D');
}

TEST_F(DraftTest, MistakesInAMatrixAreToldWithPlaceAndNearestWord) {
  write("m.txt",
        "apiVersion: egressproof/v1\nkind: Matrix\nworkloads:\n  shpo:\n    api.example.com:80: alow\n"
        "    api.example.com: allow\n");
  const ReadMatrix matrix = read_matrix((folder_ / "m.txt").string(), {"shop"});
  ASSERT_EQ(matrix.problems.size(), 3U);
  EXPECT_EQ(matrix.problems[0].hint, "did you mean 'shop'?");
  EXPECT_EQ(matrix.problems[1].hint, "did you mean 'allow'?");
  EXPECT_EQ(matrix.problems[2].at.line, 6);
}

TEST_F(DraftTest, EveryCauseIsAKnownHole) {
  for (const auto& folder : fs::directory_iterator(EGRESSPROOF_SOURCE_DIR "/examples")) {
    if (!fs::exists(folder.path() / "manifests")) continue;
    fs::remove_all(folder_ / "drafted");
    read((folder.path() / "manifests").string());
    const Draft made = draft();
    EXPECT_FALSE(made.topics.empty()) << folder.path();
    for (const Topic& topic : made.topics)
      for (const Row& row : topic.rows)
        for (const auto& [profile, cell] : row.cells)
          for (const Cause& cause : cell.causes) EXPECT_TRUE(is_hole(cause.hole)) << cause.hole;
  }
}

// Each policy file of the suite alone is a user's manifest too: read without a problem, and what is drafted of it
// loads.
TEST_F(DraftTest, EveryPolicyFileOfTheSuiteCanBeDrafted) {
  for (const auto& file : fs::directory_iterator(EGRESSPROOF_SOURCE_DIR "/scenarios/policies")) {
    SCOPED_TRACE(file.path().string());
    fs::remove_all(folder_ / "drafted");
    read(file.path().string());
    EXPECT_THAT(manifests.problems, IsEmpty());
    EXPECT_THAT(model.problems, IsEmpty());
    EXPECT_FALSE(manifests.all.empty());
    if (!model.workloads.empty()) draft();
  }
}

}  // namespace
}  // namespace egressproof::draft
