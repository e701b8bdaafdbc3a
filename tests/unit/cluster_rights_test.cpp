#include "runner/backend/cluster/rights.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

namespace egressproof::backend::cluster {
namespace {

using testing::HasSubstr;

const Tenant payments{"payments", "checkout"};

// What an API server answers: the request with a status in each item.
Json answered(const std::set<std::string>& allowed) {
  Json list = reviews(payments, true);
  for (std::size_t i = 0; i < questions().size(); ++i)
    list["items"][i]["status"] = {{"allowed", allowed.count(name_of(questions()[i])) != 0}};
  return list;
}

// As kubectl writes them: one object after the other.
std::string stream(const Json& list) {
  std::string text;
  for (const Json& item : list["items"]) text += item.dump(4) + "\n";
  return text;
}

TEST(Rights, QuestionsDifferAndSayWhatForAndCoverEveryPolicyKind) {
  std::set<std::string> names;
  std::set<std::string> resources;
  for (const Question& question : questions()) {
    EXPECT_TRUE(names.insert(name_of(question)).second) << name_of(question);
    EXPECT_FALSE(question.effect.empty()) << name_of(question);
    resources.insert(question.resource);
  }
  for (const char* kind : {"sidecars", "serviceentries", "virtualservices", "destinationrules", "gateways",
                           "envoyfilters", "authorizationpolicies", "peerauthentications", "networkpolicies"})
    EXPECT_EQ(resources.count(kind), 1U) << kind;
}

TEST(Rights, AreAskedInTheTenantsNamespaceUnlessTheyAreTheClusters) {
  const Json list = reviews(payments, true);
  ASSERT_EQ(list["items"].size(), questions().size());
  for (std::size_t i = 0; i < questions().size(); ++i) {
    const Json& item = list["items"][i];
    const Json& asked = item["spec"]["resourceAttributes"];
    EXPECT_EQ(item["kind"], "SelfSubjectAccessReview");
    EXPECT_FALSE(item["spec"].contains("user"));
    EXPECT_EQ(asked["verb"], questions()[i].verb);
    EXPECT_EQ(asked.contains("namespace"), !questions()[i].cluster_scoped);
    if (questions()[i].cluster_scoped) continue;
    EXPECT_EQ(asked["namespace"], questions()[i].ns.empty() ? "payments" : "istio-system");
  }
}

TEST(Rights, OfANamespaceAreAskedByItsName) {
  const Json list = reviews(payments, true);
  for (const Json& item : list["items"]) {
    const Json& asked = item["spec"]["resourceAttributes"];
    if (asked["resource"] != "namespaces") continue;
    EXPECT_EQ(asked["name"], "payments");
    return;
  }
  FAIL() << "nothing is asked about namespaces";
}

TEST(Rights, AboutSomebodyNameHimAndHisGroups) {
  const Json spec = reviews(payments, false)["items"][0]["spec"];
  EXPECT_EQ(reviews(payments, false)["items"][0]["kind"], "SubjectAccessReview");
  EXPECT_EQ(spec["user"], "system:serviceaccount:payments:checkout");
  EXPECT_THAT(spec["groups"].dump(), HasSubstr("system:serviceaccounts:payments"));
  EXPECT_THAT(spec["groups"].dump(), HasSubstr("system:authenticated"));
}

TEST(Rights, AreReadInOrder) {
  const auto rights =
      rights_of(payments, stream(answered({"create networking.istio.io/serviceentries", "create pods/exec"})));
  ASSERT_TRUE(rights);
  for (const Right& right : *rights) {
    const std::string name = name_of(right.question);
    EXPECT_EQ(right.allowed, name == "create networking.istio.io/serviceentries" || name == "create pods/exec") << name;
  }
}

TEST(Rights, WhatWasNotAnsweredIsNoNo) {
  Json list = answered({});
  list["items"].erase(list["items"].begin());
  EXPECT_FALSE(rights_of(payments, stream(list)));
  list = answered({});
  list["items"][3].erase("status");
  const auto missing = rights_of(payments, stream(list));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no answer to '" + name_of(questions()[3]) + "'"));
  list = answered({});
  std::swap(list["items"][0], list["items"][8]);
  EXPECT_FALSE(rights_of(payments, stream(list)));
  list = answered({});
  list["items"][2]["status"]["evaluationError"] = "webhook timed out";
  const auto failed = rights_of(payments, stream(list));
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("webhook timed out"));
  EXPECT_FALSE(rights_of(payments, "No resources found"));
}

}  // namespace
}  // namespace egressproof::backend::cluster
