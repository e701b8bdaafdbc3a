// Runs every file of the given folders, and a fixed number of mutations of each, through the fuzzer's entry point.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int mutations_a_file = 500;

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

std::string mutated(std::string bytes, std::mt19937& random) {
  for (unsigned change = 0; change <= random() % 4; ++change) {
    const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes.insert(at, 1, static_cast<char>(random()));
        break;
      case 1:
        bytes.erase(at, random() % 8);
        break;
      case 2:
        bytes.insert(at, bytes.substr(bytes.empty() ? 0 : random() % bytes.size(), random() % 16));
        break;
      default:
        if (!bytes.empty()) bytes[at] = static_cast<char>(random());
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  std::mt19937 random(1);  // the same run each time
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      std::ifstream in(path, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
      run(bytes);
      for (int round = 0; round < mutations_a_file; ++round) run(mutated(bytes, random));
      ++files;
    }
  }
  std::printf("%d files, %d mutations of each\n", files, mutations_a_file);
  return files == 0 ? 1 : 0;
}
