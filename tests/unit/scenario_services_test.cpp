// Cases that go to a Service among the policies of their profile.
#include <gtest/gtest.h>

#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

// The valid suite with a profile PS that has the Service "own", and a case that goes to the name given.
std::string messages_for(const std::string& dns_name) {
  const testing::Folder folder;
  folder.copy(testing::data / "valid");
  folder.write("policies/own.yaml",
               "apiVersion: v1\nkind: Service\nmetadata: {name: own}\nspec: {ports: [{port: 80}]}\n");
  folder.write("profiles.yaml", folder.read("profiles.yaml") +
                                    "  - {name: PS, title: its own Service, policies: [policies/own.yaml]}\n");
  folder.write(
      "rows/service.yaml",
      "apiVersion: egressproof/v1\nkind: Scenario\nname: service\ntitle: A Service of the policies\n"
      "requirement: A Service of the policies is a name.\nprofiles: [PS]\nexpect:\n  own-service: [A]\n"
      "cases:\n  own-service:\n    title: To the own Service\n    target: deny\n    control: {to: \"deny.test:80\"}\n"
      "    why: it is there\n    reference: https://kubernetes.io/docs/concepts/services-networking/service/\n"
      "    attempt: {protocol: http/1.1, to: \"" +
          dns_name + ":80\"}\n");
  return folder.messages(folder.load());
}

TEST(ScenarioServices, AServiceOfTheProfileIsAName) { EXPECT_EQ(messages_for("own.tenant-ps.svc.cluster.local"), ""); }

TEST(ScenarioServices, AnotherServiceIsNone) {
  for (const char* name :
       {"other.tenant-ps.svc.cluster.local", "own.tenant-p1.svc.cluster.local", "own.tenant-ps.svc"}) {
    const std::string messages = messages_for(name);
    EXPECT_NE(messages.find("'" + std::string(name) + "'"), std::string::npos) << messages;
    EXPECT_NE(messages.find("rows/service.yaml:"), std::string::npos) << messages;
  }
}

}  // namespace
}  // namespace egressproof::scenario
