#include "runner/scenario/scenario.h"

namespace egressproof::scenario {
namespace {

template <class Value>
void put(std::optional<Value>& base, const std::optional<Value>& over) {
  if (over) base = over;
}

}  // namespace

AttemptSpec overlay(const AttemptSpec& base, const AttemptSpec& over) {
  AttemptSpec result = base;
  put(result.protocol, over.protocol);
  put(result.to, over.to);
  put(result.dial, over.dial);
  put(result.tls, over.tls);
  put(result.sni, over.sni);
  put(result.alpn, over.alpn);
  put(result.ech_extension, over.ech_extension);
  put(result.tls_version, over.tls_version);
  put(result.hello_segments, over.hello_segments);
  put(result.ip_protocol, over.ip_protocol);
  put(result.outer, over.outer);
  put(result.host, over.host);
  put(result.method, over.method);
  put(result.path, over.path);
  put(result.headers, over.headers);
  put(result.fields, over.fields);
  put(result.payload, over.payload);
  put(result.datagrams, over.datagrams);
  put(result.expects_answer, over.expects_answer);
  put(result.follow_redirects, over.follow_redirects);
  put(result.earlier, over.earlier);
  put(result.ticks, over.ticks);
  put(result.family, over.family);
  put(result.query_type, over.query_type);
  put(result.server, over.server);
  put(result.resolve_limit, over.resolve_limit);
  put(result.connect_limit, over.connect_limit);
  put(result.tls_limit, over.tls_limit);
  put(result.response_limit, over.response_limit);
  return result;
}

}  // namespace egressproof::scenario
