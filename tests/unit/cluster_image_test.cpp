// The image archive, read back with libarchive. Its programs are those of /bin here: what counts is what is around
// them.
#include "runner/backend/cluster/image.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <vector>

#include "base/crypto.h"
#include "base/files.h"
#include "base/json.h"

namespace egressproof::backend::cluster {
namespace {

struct Entry {
  std::string path, content;
  mode_t mode = 0;
  la_int64_t uid = -1, gid = -1;
  std::time_t modified = -1;
  bool folder = false;
};

std::vector<Entry> entries_of(const std::string& tar) {
  std::vector<Entry> entries;
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_format_tar(reader.get());
  EXPECT_EQ(archive_read_open_memory(reader.get(), tar.data(), tar.size()), ARCHIVE_OK);
  archive_entry* at = nullptr;
  while (archive_read_next_header(reader.get(), &at) == ARCHIVE_OK) {
    Entry entry{archive_entry_pathname(at),
                "",
                archive_entry_perm(at),
                archive_entry_uid(at),
                archive_entry_gid(at),
                archive_entry_mtime(at),
                archive_entry_filetype(at) == AE_IFDIR};
    entry.content.resize(static_cast<std::size_t>(archive_entry_size(at)));
    EXPECT_EQ(archive_read_data(reader.get(), entry.content.data(), entry.content.size()),
              static_cast<la_ssize_t>(entry.content.size()));
    entries.push_back(std::move(entry));
  }
  return entries;
}

const Entry& entry_named(const std::vector<Entry>& entries, const std::string& path) {
  static const Entry none;
  for (const Entry& one : entries)
    if (one.path == path) return one;
  ADD_FAILURE() << "no " << path;
  return none;
}

class ImageTest : public ::testing::Test {
 protected:
  ImageTest() {
    std::filesystem::create_directories(folder_);
    for (const char* name : {"egressproof-probe", "egressproof-target"})
      std::filesystem::copy_file("/bin/true", folder_ / name);
  }
  ~ImageTest() override { std::filesystem::remove_all(folder_); }

  std::string archive(const std::string& reference = "kind.local/egressproof:1") {
    const auto written = write_image_archive(folder_, reference, folder_ / "image.tar");
    EXPECT_TRUE(written) << to_string(written.error());
    return read_file(folder_ / "image.tar").value_or("");
  }
  std::string refusal(const std::string& reference = "a:1") {
    const auto written = write_image_archive(folder_, reference, folder_ / "image.tar");
    return written ? "" : to_string(written.error());
  }

  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("egressproof-image-" + random_hex(8));
};

TEST_F(ImageTest, ManifestConfigAndLayerFitTogether) {
  const auto outer = entries_of(archive());
  const Json manifest = Json::parse(entry_named(outer, "manifest.json").content);
  ASSERT_EQ(manifest.size(), 1U);
  EXPECT_EQ(manifest[0]["RepoTags"], Json::array({"kind.local/egressproof:1"}));
  const std::string config_name = manifest[0]["Config"];
  const std::string config_text = entry_named(outer, config_name).content;
  EXPECT_EQ(config_name, sha256_hex(config_text) + ".json");
  const Json config = Json::parse(config_text);
  const std::string layer = entry_named(outer, manifest[0]["Layers"][0]).content;
  EXPECT_EQ(config["rootfs"]["diff_ids"], Json::array({"sha256:" + sha256_hex(layer)}));
  EXPECT_EQ(config["config"]["User"], "65532:65532");
  EXPECT_EQ(config["config"]["Cmd"], Json::array({"egressproof-probe"}));
  EXPECT_FALSE(config["config"].contains("Entrypoint"));
  EXPECT_EQ(config["os"], "linux");
}

TEST_F(ImageTest, ARunnersHasTheRunnerKubectlAndTheSuiteToo) {
  std::filesystem::create_directories(folder_ / "suite/policies");
  ASSERT_TRUE(write_file_atomically(folder_ / "suite/baseline.yaml", "kind: Scenario\n"));
  ASSERT_TRUE(write_file_atomically(folder_ / "suite/policies/p.yaml", "kind: Sidecar\n"));
  std::filesystem::copy_file("/bin/true", folder_ / "egressproof");
  std::filesystem::copy_file("/bin/false", folder_ / "kubectl-1.36");
  const RunnerParts runner{folder_ / "kubectl-1.36", folder_ / "suite"};
  const auto written = write_image_archive(folder_, "runner:1", folder_ / "runner.tar", runner);
  ASSERT_TRUE(written) << to_string(written.error());
  const auto outer = entries_of(read_file(folder_ / "runner.tar").value_or(""));
  const auto layer = entries_of(entry_named(outer, "layer.tar").content);
  EXPECT_EQ(entry_named(layer, "usr/bin/kubectl").content, read_file("/bin/false").value_or(""));
  EXPECT_EQ(entry_named(layer, "usr/bin/egressproof").mode, 0755U);
  EXPECT_EQ(entry_named(layer, "suite/scenarios/policies/p.yaml").content, "kind: Sidecar\n");
  EXPECT_EQ(entry_named(layer, "suite/scenarios/baseline.yaml").mode, 0644U);
  for (const Entry& one : entries_of(entry_named(entries_of(archive()), "layer.tar").content))
    EXPECT_EQ(one.path.find("kubectl"), std::string::npos) << "the image of probe and target has none";
  std::filesystem::remove(folder_ / "kubectl-1.36");
  EXPECT_FALSE(write_image_archive(folder_, "runner:1", folder_ / "runner.tar", runner));
}

TEST_F(ImageTest, TheLayerHoldsTheProgramsAndWhatTheyNeedAndNoMore) {
  const auto layer = entries_of(entry_named(entries_of(archive()), "layer.tar").content);
  const std::string program = read_file("/bin/true").value_or("");
  bool interpreter = false;
  bool libc = false;
  std::string before;
  for (const Entry& one : layer) {
    EXPECT_LT(before, one.path) << "sorted, and a folder before what it holds";
    before = one.path;
    EXPECT_EQ(one.uid, 0) << one.path;
    EXPECT_EQ(one.gid, 0) << one.path;
    EXPECT_EQ(one.modified, 0) << one.path;
    EXPECT_EQ(one.mode, one.path == "tmp/" ? 01777U : 0755U) << one.path;
    EXPECT_FALSE(one.path.empty() || one.path.front() == '/') << one.path;
    const std::string name = std::filesystem::path(one.path).filename();
    interpreter = interpreter || (name.rfind("ld-", 0) == 0 && !one.content.empty());
    libc = libc || (name.rfind("libc.so", 0) == 0 && !one.content.empty());
    if (one.folder) continue;
    EXPECT_TRUE(name.find(".so") != std::string::npos || name.rfind("egressproof-", 0) == 0) << one.path;
  }
  EXPECT_EQ(entry_named(layer, "usr/bin/egressproof-probe").content, program);
  EXPECT_EQ(entry_named(layer, "usr/bin/egressproof-target").content, program);
  EXPECT_TRUE(entry_named(layer, "usr/bin/").folder);
  EXPECT_TRUE(interpreter);
  EXPECT_TRUE(libc);
}

TEST_F(ImageTest, TheSameFilesGiveTheSameBytes) {
  const std::string first = archive();
  for (const char* name : {"egressproof-probe", "egressproof-target"}) {
    std::filesystem::last_write_time(folder_ / name, std::filesystem::file_time_type::clock::now());
    ::chmod((folder_ / name).c_str(), 0700);
  }
  EXPECT_TRUE(first == archive());
  EXPECT_FALSE(first == archive("kind.local/egressproof:2"));
}

TEST_F(ImageTest, WhatIsMissingIsNamed) {
  EXPECT_NE(refusal("egressproof").find("is not NAME:TAG"), std::string::npos);
  EXPECT_NE(refusal("host:5000/egressproof").find("is not NAME:TAG"), std::string::npos);
  ASSERT_TRUE(write_file_atomically(folder_ / "egressproof-target", "no program"));
  EXPECT_NE(refusal().find("egressproof-target"), std::string::npos) << refusal();
  std::filesystem::remove(folder_ / "egressproof-target");
  EXPECT_NE(refusal().find("egressproof-target"), std::string::npos) << refusal();
}

}  // namespace
}  // namespace egressproof::backend::cluster
