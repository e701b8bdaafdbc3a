// Tells a process from a later one with the same number.
#pragma once

#include <sys/types.h>

#include <string>

namespace egressproof::process {

// Field 22 of /proc/PID/stat. Empty: no such process.
std::string start_time(pid_t pid);

}  // namespace egressproof::process
