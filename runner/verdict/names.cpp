#include "runner/verdict/verdict.h"

namespace egressproof::verdict {

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::allow:
      return "ALLOW";
    case Verdict::deny:
      return "DENY";
    case Verdict::rerouted:
      return "REROUTED";
    case Verdict::leak:
      return "LEAK";
    case Verdict::wrong_path:
      return "WRONG-PATH";
    case Verdict::false_deny:
      return "FALSE-DENY";
    case Verdict::inconclusive:
      return "INCONCLUSIVE";
    case Verdict::error:
      return "ERROR";
  }
  return "ERROR";
}

std::string to_string(Status status) {
  switch (status) {
    case Status::pass:
      return "pass";
    case Status::known_leak:
      return "known-leak";
    case Status::news:
      return "news";
    case Status::recorded:
      return "recorded";
    case Status::fail:
      return "fail";
    case Status::inconclusive:
      return "inconclusive";
    case Status::error:
      return "error";
  }
  return "error";
}

std::string to_string(Layer layer) {
  switch (layer) {
    case Layer::none:
      return "none";
    case Layer::sidecar:
      return "sidecar";
    case Layer::gateway:
      return "gateway";
    case Layer::authorization:
      return "authorization";
    case Layer::network_policy:
      return "network-policy";
    case Layer::dns:
      return "dns";
    case Layer::capture:
      return "capture";
    case Layer::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string words_of(target::ReceiptKind kind) {
  switch (kind) {
    case target::ReceiptKind::connection:
      return "connection";
    case target::ReceiptKind::tls:
      return "TLS ClientHello";
    case target::ReceiptKind::request:
      return "request";
    case target::ReceiptKind::greeting:
      return "greeting";
    case target::ReceiptKind::payload:
      return "payload";
    case target::ReceiptKind::dns:
      return "DNS query";
    case target::ReceiptKind::packet:
      return "packet";
  }
  return "receipt";
}

}  // namespace egressproof::verdict
