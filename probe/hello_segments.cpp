#include "probe/hello_segments.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "probe/attempt.h"

namespace egressproof::probe {
namespace {

using Clock = std::chrono::steady_clock;

struct Pieces {
  int left = 0;
  int size = 0;  // 0: nothing was written yet
  Clock::time_point due;
};

Pieces* pieces_of(BIO* bio) { return static_cast<Pieces*>(BIO_get_data(bio)); }

int write_piece(BIO* bio, const char* bytes, int count) {
  Pieces& pieces = *pieces_of(bio);
  BIO_clear_retry_flags(bio);
  if (pieces.left > 0 && Clock::now() < pieces.due) {
    BIO_set_retry_write(bio);
    return -1;
  }
  if (pieces.size == 0) pieces.size = std::max(1, (count + pieces.left - 1) / pieces.left);
  const int written = BIO_write(BIO_next(bio), bytes, pieces.left > 1 ? std::min(count, pieces.size) : count);
  BIO_copy_next_retry(bio);
  if (written > 0 && pieces.left > 0) {
    --pieces.left;
    pieces.due = Clock::now() + hello_pause;
  }
  return written;
}

int read_through(BIO* bio, char* bytes, int count) {
  BIO_clear_retry_flags(bio);
  const int got = BIO_read(BIO_next(bio), bytes, count);
  BIO_copy_next_retry(bio);
  return got;
}

long control(BIO* bio, int command, long number, void* pointer) {
  return BIO_next(bio) == nullptr ? 0 : BIO_ctrl(BIO_next(bio), command, number, pointer);
}

int destroy(BIO* bio) {
  delete pieces_of(bio);
  BIO_set_data(bio, nullptr);
  return 1;
}

const BIO_METHOD* method() {
  static const std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> made = [] {
    std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> one(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "ClientHello in segments"), BIO_meth_free);
    if (!one || BIO_meth_set_write(one.get(), write_piece) != 1 || BIO_meth_set_read(one.get(), read_through) != 1 ||
        BIO_meth_set_ctrl(one.get(), control) != 1 || BIO_meth_set_destroy(one.get(), destroy) != 1)
      one.reset();
    return one;
  }();
  return made.get();
}

}  // namespace

OwnedBio make_hello_segments(int segments) {
  if (method() == nullptr) return nullptr;
  OwnedBio filter(BIO_new(method()));
  if (!filter) return nullptr;
  BIO_set_data(filter.get(), new Pieces{segments, 0, {}});
  BIO_set_init(filter.get(), 1);
  return filter;
}

void put_before(SSL* ssl, OwnedBio filter) {
  BIO* below = SSL_get_wbio(ssl);
  BIO_up_ref(below);  // the connection's own reference goes with SSL_set0_wbio()
  BIO_push(filter.get(), below);
  SSL_set0_wbio(ssl, filter.release());
}

}  // namespace egressproof::probe
