// Secrets out of texts that leave the machine. Pure.
#pragma once

#include <string>

#include "base/json.h"

namespace egressproof::backend::cluster {

inline constexpr const char* redacted = "[redacted]";

// Private keys (PEM, and base64 of PEM), tokens (JWT, Bearer and Basic credentials), values of keys that name secrets
// (token, password, client-key-data ...) in YAML, JSON and KEY=VALUE form, credentials within URLs, and cloud keys.
// Names stay, so that one can see that something was there.
std::string without_secrets(std::string text);

// The same for a tree: `data` and `stringData` of Secrets, and everything that without_secrets() takes out of texts.
Json without_secrets(const Json& tree);

}  // namespace egressproof::backend::cluster
