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
               "apiVersion: v1\nkind: Service\nmetadata: {name: own}\nspec: {ports: [{port: 80, name: http}]}\n");
  folder.write("profiles.yaml", folder.read("profiles.yaml") +
                                    "  - {name: PS, title: its own Service, policies: [policies/own.yaml]}\n");
  folder.write("rows/service.yaml",
               "apiVersion: egressproof/v1\nkind: Scenario\nname: service\ntitle: A Service of the policies\n"
               "requirement: A Service of the policies is a name that a case may go to.\nprofiles: [PS]\ncases:\n"
               "  - id: own-service\n    name: To the own Service\n    family: control\n    why: It is there.\n"
               "    attempt: {protocol: http/1.1, to: \"" +
                   dns_name +
                   ":80\"}\n"
                   "    reference: https://kubernetes.io/docs/concepts/services-networking/service/\n"
                   "    expect: {PS: D}\n");
  return folder.messages(folder.load());
}

TEST(ScenarioServices, AServiceOfTheProfileIsAName) { EXPECT_EQ(messages_for("own.tenant-ps.svc.cluster.local"), ""); }

TEST(ScenarioServices, AnotherServiceIsNone) {
  for (const char* name :
       {"other.tenant-ps.svc.cluster.local", "own.tenant-p1.svc.cluster.local", "own.tenant-ps.svc"}) {
    const std::string messages = messages_for(name);
    EXPECT_NE(messages.find(std::string("'") + name), std::string::npos) << messages;
    EXPECT_NE(messages.find("rows/service.yaml:"), std::string::npos) << messages;
  }
}

}  // namespace
}  // namespace egressproof::scenario
