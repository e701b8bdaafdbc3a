#include "runner/backend/cluster/agent_link.h"

#include <curl/curl.h>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/json.h"
#include "probe/signature.h"
#include "runner/backend/mesh/http.h"

namespace egressproof::backend::cluster {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds between_tries{250};
constexpr milliseconds one_health_check{2000};
constexpr long status_ok = 200;
constexpr long status_busy = 429;
constexpr std::size_t most_refusal = 4096;  // bytes of an error's body that are kept

milliseconds left_until(Clock::time_point deadline) {
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(deadline - Clock::now()));
}

// One batch of one probe, through all its tries.
class Talk {
 public:
  // `attempts` is borrowed.
  Talk(std::string probe, const AgentUrl& url, const std::string& name, const std::vector<probe::Attempt>& attempts,
       int parallel, milliseconds limit)
      : probe_(std::move(probe)),
        name_(name),
        url_(url.base + probe::batch_path),
        more_fields_(url.fields),
        limit_(limit),
        attempts_(attempts),
        reader_(name, attempts) {
    body_ = probe::encode_batch_begin(name, parallel) + "\n";
    for (const probe::Attempt& attempt : attempts) body_ += probe::encode(attempt) + "\n";
    body_ += probe::encode_batch_run() + "\n";
  }
  ~Talk() { curl_slist_free_all(fields_); }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  [[nodiscard]] const std::string& probe() const { return probe_; }
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] bool due() const { return next_try_ && *next_try_ <= Clock::now(); }
  [[nodiscard]] std::optional<Clock::time_point> next_try() const { return next_try_; }

  // A new signature each time: the one before may have become too old.
  void begin(const AgentAccess& access) {
    next_try_.reset();
    reader_ = probe::BatchReader(name_, attempts_);
    line_.clear();
    told_.clear();
    refusal_.clear();
    trouble_.clear();
    signature_.reset();
    closed_ = false;
    const probe::BatchSignature signature = probe::sign_batch(access.key, access.run_id, body_);
    id_ = signature.id;
    curl_slist_free_all(std::exchange(fields_, nullptr));
    for (const std::string& field : {probe::signature_field + (": " + probe::encode(signature)),
                                     std::string("Content-Type: application/x-ndjson"), std::string("Expect:")})
      fields_ = curl_slist_append(fields_, field.c_str());
    for (const std::string& field : more_fields_) fields_ = curl_slist_append(fields_, field.c_str());
    CURL* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body_.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields_);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Talk::on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  }

  // The transfer is over; it may have asked for another try.
  void end(CURLcode how, const AgentAccess& access) {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    over_ = true;
    if (how == CURLE_COULDNT_CONNECT || (how == CURLE_OK && status == status_busy)) {
      trouble_ = how == CURLE_OK ? refusal(status) : curl_easy_strerror(how);
      next_try_ = Clock::now() + between_tries;
      over_ = false;
    } else if (how != CURLE_OK) {
      trouble_ = curl_easy_strerror(how);
    } else if (status != status_ok) {
      trouble_ = refusal(status);
    } else if (!line_.empty()) {
      trouble_ = "the answer ends within a line";
    } else if (!signature_) {
      trouble_ = trouble_.empty() ? "the answer ends without a signature" : trouble_;
    } else if (signature_->id != id_) {
      trouble_ = "the answer is signed as that of another batch";
    } else if (!equal_in_constant_time(signature_->mac, probe::result_mac(access.key, id_, told_))) {
      trouble_ = "the answer's signature is not that of what came";
    }
  }

  void give_up() {
    const std::string last = trouble_.empty() ? "" : "; the last try: " + trouble_;
    trouble_ = "no whole answer within " + std::to_string(limit_.count()) + " ms" + last;
  }

  probe::BatchResult finish() {
    probe::BatchResult result = reader_.finish();
    if (trouble_.empty()) return result;
    result.observations.clear();  // who sent them is not known
    result.closed = false;
    result.errors.insert(result.errors.begin(),
                         "batch " + name_ + ": the probe " + probe_ + " at " + url_ + ": " + trouble_);
    return result;
  }

 private:
  static std::size_t on_data(char* data, std::size_t size, std::size_t count, void* self) {
    static_cast<Talk*>(self)->take({data, size * count});
    return size * count;
  }

  void take(std::string_view bytes) {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != status_ok) {
      refusal_.append(bytes.substr(0, most_refusal - std::min(most_refusal, refusal_.size())));
      return;
    }
    line_.append(bytes);
    std::size_t begin = 0;
    for (std::size_t end = line_.find('\n'); end != std::string::npos; end = line_.find('\n', begin)) {
      take_line(std::string_view(line_).substr(begin, end - begin));
      begin = end + 1;
    }
    line_.erase(0, begin);
  }

  // The lines of the batch up to its closing record, the signature, nothing more.
  void take_line(std::string_view line) {
    if (!closed_) {
      told_.append(line).append("\n");
      closed_ = reader_.feed(line);
    } else if (signature_ || !trouble_.empty()) {
      signature_.reset();
      trouble_ = "a line stands behind the signature";
    } else if (auto signature = probe::decode_result_signature(line)) {
      signature_ = std::move(*signature);
    } else {
      trouble_ = "behind the closing record stands no signature: " + signature.error().message;
    }
  }

  [[nodiscard]] std::string refusal(long status) const {
    const Json json = Json::parse(refusal_, nullptr, false);
    const auto text = [&](const char* key) {
      return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
    };
    const std::string said = text("error").empty() ? bytes_to_utf8(refusal_) : text("error") + ": " + text("message");
    return "HTTP status " + std::to_string(status) + (said.empty() ? "" : ", " + said);
  }

  std::string probe_, name_, url_, body_;
  std::vector<std::string> more_fields_;
  milliseconds limit_;
  const std::vector<probe::Attempt>& attempts_;
  probe::BatchReader reader_;
  std::unique_ptr<CURL, void (*)(CURL*)> easy_{curl_easy_init(), curl_easy_cleanup};
  curl_slist* fields_ = nullptr;
  std::string id_;       // of this try
  std::string line_;     // begun
  std::string told_;     // what the signature is over
  std::string refusal_;  // the body of an HTTP error
  std::string trouble_;  // empty: none
  std::optional<probe::ResultSignature> signature_;
  bool closed_ = false;
  bool over_ = false;
  std::optional<Clock::time_point> next_try_ = Clock::now();
};

using Multi = std::unique_ptr<CURLM, CURLMcode (*)(CURLM*)>;

// Takes what has ended off `multi`.
void take_ended(CURLM* multi, std::deque<Talk>& talks, const AgentAccess& access) {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const easy = message->easy_handle;
    const CURLcode how = message->data.result;
    const auto talk = std::find_if(talks.begin(), talks.end(), [&](const Talk& one) { return one.easy() == easy; });
    curl_multi_remove_handle(multi, easy);
    if (talk != talks.end()) talk->end(how, access);
  }
}

void run(CURLM* multi, std::deque<Talk>& talks, const AgentAccess& access, Clock::time_point deadline) {
  while (left_until(deadline) > milliseconds(0)) {
    auto wake = deadline;
    for (Talk& talk : talks)
      if (talk.due()) {
        talk.begin(access);
        curl_multi_add_handle(multi, talk.easy());
      }
    int running = 0;
    if (curl_multi_perform(multi, &running) != CURLM_OK) break;
    take_ended(multi, talks, access);
    if (std::all_of(talks.begin(), talks.end(), [](const Talk& one) { return one.over(); })) return;
    for (const Talk& talk : talks)
      if (talk.next_try()) wake = std::min(wake, *talk.next_try());
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(left_until(wake).count()), nullptr);
  }
  for (Talk& talk : talks) {
    if (talk.over()) continue;
    curl_multi_remove_handle(multi, talk.easy());
    talk.give_up();
  }
}

}  // namespace

Result<void> wait_ready(const std::map<std::string, std::string>& urls, milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  std::map<std::string, std::string> waiting = urls;
  std::map<std::string, std::string> said;  // why a probe is not ready yet
  for (;;) {
    std::vector<std::string> paths;
    for (const auto& [probe, url] : waiting) paths.push_back(url + "/healthz");
    const milliseconds left = std::max(milliseconds(1), left_until(deadline));
    const auto replies = mesh::http_get_all(paths, std::min(one_health_check, left));
    auto reply = replies.begin();
    for (auto at = waiting.begin(); at != waiting.end(); ++reply) {
      if (*reply && (*reply)->status == status_ok) {
        said.erase(at->first);
        at = waiting.erase(at);
        continue;
      }
      if (*reply)
        said[at->first] = "GET " + at->second + "/healthz: HTTP status " + std::to_string((*reply)->status);
      else if (left >= one_health_check || said.count(at->first) == 0)  // the deadline that cuts a try is no news
        said[at->first] = reply->error().message;
      ++at;
    }
    if (waiting.empty()) return {};
    if (left_until(deadline) == milliseconds(0)) {
      std::string missing;
      for (const auto& [probe, why] : said) missing += (missing.empty() ? "" : "; ") + probe + ": " + why;
      return fail(ErrorKind::environment,
                  "not every probe was ready within " + std::to_string(limit.count()) + " ms: " + missing);
    }
    ::poll(nullptr, 0, static_cast<int>(std::min(between_tries, left_until(deadline)).count()));
  }
}

std::map<std::string, probe::BatchResult> exchange(const AgentAccess& access,
                                                   const std::map<std::string, AgentUrl>& urls,
                                                   const std::map<std::string, std::vector<probe::Attempt>>& batches,
                                                   const std::string& batch_name, int parallel, milliseconds limit) {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  const auto deadline = Clock::now() + limit;
  std::map<std::string, probe::BatchResult> results;
  const Multi multi(curl_multi_init(), curl_multi_cleanup);
  std::deque<Talk> talks;  // each at a place of its own: libcurl knows its address
  for (const auto& [probe, attempts] : batches) {
    const auto url = urls.find(probe);
    if (url == urls.end())
      results[probe].errors.push_back("batch " + batch_name + ": there is no probe '" + probe + "'");
    else
      talks.emplace_back(probe, url->second, batch_name, attempts, parallel, limit);
  }
  const bool usable = once == CURLE_OK && multi &&
                      std::all_of(talks.begin(), talks.end(), [](const Talk& one) { return one.easy() != nullptr; });
  if (usable)
    run(multi.get(), talks, access, deadline);
  else
    for (Talk& talk : talks) talk.give_up();
  for (Talk& talk : talks) results[talk.probe()] = talk.finish();
  return results;
}

}  // namespace egressproof::backend::cluster
