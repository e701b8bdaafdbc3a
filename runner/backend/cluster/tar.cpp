#include "runner/backend/cluster/tar.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace egressproof::backend::cluster {
namespace {

la_ssize_t append(archive*, void* into, const void* bytes, std::size_t size) {
  static_cast<std::string*>(into)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

Result<std::string> tar_of(const TarTree& tree, Compression compression) {
  std::string made;
  const std::unique_ptr<archive, int (*)(archive*)> tar(archive_write_new(), archive_write_free);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
  const auto error = [&] {
    const char* why = tar ? archive_error_string(tar.get()) : nullptr;
    return fail(ErrorKind::internal, std::string("libarchive: ") + (why == nullptr ? "no memory" : why));
  };
  if (!tar || !entry || archive_write_set_format_ustar(tar.get()) != ARCHIVE_OK) return error();
  // The gzip header would hold the time.
  if (compression == Compression::gzip &&
      (archive_write_add_filter_gzip(tar.get()) != ARCHIVE_OK ||
       archive_write_set_filter_option(tar.get(), "gzip", "timestamp", nullptr) != ARCHIVE_OK))
    return error();
  if (archive_write_open(tar.get(), &made, nullptr, append, nullptr) != ARCHIVE_OK) return error();
  for (const auto& [path, one] : tree) {
    archive_entry_clear(entry.get());
    archive_entry_set_pathname(entry.get(), (one.folder ? path + "/" : path).c_str());
    archive_entry_set_filetype(entry.get(), one.folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry.get(), one.mode);
    archive_entry_set_uid(entry.get(), 0);
    archive_entry_set_gid(entry.get(), 0);
    archive_entry_set_mtime(entry.get(), 0, 0);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(one.content.size()));
    if (archive_write_header(tar.get(), entry.get()) != ARCHIVE_OK) return error();
    if (archive_write_data(tar.get(), one.content.data(), one.content.size()) !=
        static_cast<la_ssize_t>(one.content.size()))
      return error();
  }
  if (archive_write_close(tar.get()) != ARCHIVE_OK) return error();
  return made;
}

}  // namespace egressproof::backend::cluster
