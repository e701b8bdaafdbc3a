// The verdict on an attempt that a change of the policies found open.
#pragma once

#include <optional>
#include <string>

#include "runner/verdict/mesh.h"

namespace egressproof::verdict {

struct Sentence {
  Verdict verdict = Verdict::inconclusive;
  std::string because;
  Layer layer = Layer::none;
};

// `row.long_lived` must be there. Nothing: it is judged as any other attempt. That is what is to be allowed, once it
// was seen to go on beyond the deadline, or to have failed.
//
// Forbidden, it is a LEAK if anything arrived at the target after the deadline. DENY means that ticks arrived before
// the change, none after the deadline although the client tried or had lost its connection, the same from the vantage
// went on all the while, and a proxy has a record of it.
std::optional<Sentence> judge_long_lived(const evidence::Row& row, bool receipts_complete, const MeshSay& mesh);

// "700 ms after the change was in force": until when something may arrive, for people.
std::string cut_limit(const plan::Cell& cell);

// "ticks arrived until 812 ms after the change": for people.
std::string how_long(const evidence::LongLived& seen);

}  // namespace egressproof::verdict
