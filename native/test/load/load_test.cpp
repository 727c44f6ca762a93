// The load generator's arithmetic and readers: what makes its figures right, apart from sockets. Random parts have
// fixed seeds, and their bounds are five standard deviations wide, so a failure is a fault and not bad luck.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "load/client/compare.hpp"
#include "load/client/json_scan.hpp"
#include "load/client/messages.hpp"
#include "load/http/http_response.hpp"
#include "load/plan/arrivals.hpp"
#include "load/plan/plan.hpp"
#include "load/plan/schedule.hpp"
#include "load/report/counters.hpp"
#include "load/report/histogram.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::load;

namespace {

std::vector<double> arrivals_of(double rate, double end_rate, double seconds, uint64_t seed) {
  Arrivals arrivals(rate, end_rate, seconds);
  Random random(seed);
  std::vector<double> times;
  for (double at = arrivals.next(random); std::isfinite(at); at = arrivals.next(random)) times.push_back(at);
  return times;
}

bool is_near(double value, double expected, double tolerance) {
  return std::fabs(value - expected) <= tolerance;
}

// A request set on disk with one float32 output `y` per request, removed at once: the set has it mapped.
RequestSet set_of(const std::vector<std::vector<float>>& answers, Dtype dtype = Dtype::kFloat32) {
  std::string file = "PLB1";
  const auto put = [&file](const auto& value) { file.append(reinterpret_cast<const char*>(&value), sizeof value); };
  put(static_cast<uint32_t>(answers.size()));
  put(uint32_t{1});
  put(1e-6f);
  put(1e-5f);
  put(uint32_t{1});
  file += 'y';
  put(static_cast<uint32_t>(dtype));
  for (const auto& answer : answers) {
    put(uint64_t{1});
    put(uint32_t{0});
    put(uint32_t{1});
    file += '?';
    put(uint64_t{answer.size() * 4});
    for (const float value : answer) put(value);
  }
  char path[] = "/tmp/penstock-load-test-XXXXXX";
  const int descriptor = mkstemp(path);
  std::FILE* out = fdopen(descriptor, "w");
  std::fwrite(file.data(), 1, file.size(), out);
  std::fclose(out);
  RequestSet set{std::string(path)};
  std::remove(path);
  return set;
}

ByteSpan bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)};
}

using Progress = HttpResponseReader::Progress;

// Reads `text` in steps of `step` bytes, as a socket might bring it.
Progress read_in_steps(HttpResponseReader& reader, const std::string& text, size_t step) {
  Progress progress = Progress::kIncomplete;
  for (size_t size = 1; progress == Progress::kIncomplete; size += step) {
    progress = reader.read(std::string_view(text).substr(0, size));
    if (size >= text.size()) break;
  }
  return progress;
}

}  // namespace

TEST("histogram: quantiles of a million values are off by less than 1 %") {
  LatencyHistogram histogram;
  for (uint64_t value = 1; value <= 1'000'000; ++value) histogram.record(value * 1000);
  for (const double share : {0.01, 0.5, 0.95, 0.99, 0.999}) {
    CLAIM(is_near(static_cast<double>(histogram.quantile(share)) / (share * 1e9), 1, 0.005));
  }
  CLAIM(histogram.min() == 1000 && histogram.max() == 1'000'000'000);
  CLAIM(is_near(histogram.mean(), 500'000'500, 1));
}

TEST("histogram: every value lies in a bucket whose bounds are within 1 % of it") {
  uint64_t before = 0;
  for (uint64_t value = 1; value < (uint64_t{1} << 41); value += 1 + value / 300) {
    const uint64_t upper = LatencyHistogram::upper_bound_of(LatencyHistogram::bucket_of(value));
    CLAIM(upper >= value && static_cast<double>(upper - value) <= 0.01 * static_cast<double>(value));
    CLAIM(upper >= before);
    before = upper;
  }
  CLAIM(LatencyHistogram::bucket_of(~uint64_t{0}) == LatencyHistogram::kBuckets - 1);
}

TEST("histogram: a quantile is a rank: of 100 values the 99th, of one value that one, of none 0") {
  LatencyHistogram histogram;
  CLAIM(histogram.quantile(0.5) == 0 && histogram.min() == 0);
  for (int count = 0; count < 99; ++count) histogram.record(10);
  histogram.record(100'000);
  CLAIM(histogram.quantile(0.99) == 10);
  CLAIM(histogram.quantile(0.999) == 100'000);
  LatencyHistogram other;
  other.record(7);
  CLAIM(other.quantile(0.5) == 7);
  histogram.add(other);
  CLAIM(histogram.count() == 101 && histogram.min() == 7 && histogram.max() == 100'000);
}

TEST("arrivals: at a constant rate, counts and gaps are those of a Poisson process") {
  const double rate = 1000;
  const std::vector<double> times = arrivals_of(rate, rate, 100, 42);
  const auto count = static_cast<double>(times.size());
  CLAIM(is_near(count, 100'000, 5 * std::sqrt(100'000)));
  double sum = 0;
  double squares = 0;
  double above_mean = 0;
  double previous = 0;
  for (const double at : times) {
    const double gap = at - previous;
    CLAIM(gap >= 0);
    sum += gap;
    squares += gap * gap;
    above_mean += gap > 1 / rate ? 1 : 0;
    previous = at;
  }
  const double mean = sum / count;
  // An exponential: standard deviation as large as the mean, and 1/e of the gaps longer than it.
  CLAIM(is_near(mean * rate, 1, 5 / std::sqrt(count)));
  CLAIM(is_near(std::sqrt(squares / count - mean * mean) * rate, 1, 0.03));
  CLAIM(is_near(above_mean / count, std::exp(-1), 5 * 0.5 / std::sqrt(count)));
}

TEST("arrivals: the variance of counts per second is their mean") {
  const std::vector<double> times = arrivals_of(200, 200, 2000, 7);
  std::vector<double> counts(2000, 0);
  for (const double at : times) counts[static_cast<size_t>(at)] += 1;
  double squares = 0;
  for (const double count : counts) squares += (count - 200) * (count - 200);
  CLAIM(is_near(squares / 2000 / 200, 1, 5 * std::sqrt(2.0 / 2000)));
}

TEST("arrivals: a ramp has as many in each tenth as the area under its rate") {
  for (const auto& [from, to] : {std::pair{0.0, 20'000.0}, std::pair{20'000.0, 0.0}, std::pair{5'000.0, 15'000.0}}) {
    const std::vector<double> times = arrivals_of(from, to, 10, 3);
    std::vector<double> tenths(10, 0);
    for (const double at : times) tenths[static_cast<size_t>(at)] += 1;
    for (size_t tenth = 0; tenth < 10; ++tenth) {
      const double expected = from + (to - from) * (static_cast<double>(tenth) + 0.5) / 10;
      CLAIM(is_near(tenths[tenth], expected, 5 * std::sqrt(expected)));
    }
  }
}

TEST("arrivals: a rate of zero has none, and the same seed the same") {
  CLAIM(arrivals_of(0, 0, 10, 1).empty());
  CLAIM(arrivals_of(100, 300, 5, 9) == arrivals_of(100, 300, 5, 9));
  CLAIM(arrivals_of(100, 300, 5, 9) != arrivals_of(100, 300, 5, 10));
}

TEST("mix: kinds are drawn by weight, one with weight 0 never") {
  const Mix mix({1, 0, 3});
  Random random(5);
  std::vector<double> counts(3, 0);
  for (int draw = 0; draw < 100'000; ++draw) counts[mix.draw(random)] += 1;
  CLAIM(counts[1] == 0);
  CLAIM(is_near(counts[2] / 100'000, 0.75, 5 * 0.5 / std::sqrt(100'000)));
}

TEST("schedule: intervals tile the phases and never span two") {
  Plan plan;
  plan.interval_seconds = 1;
  plan.phases.resize(3);
  plan.phases[0].seconds = 2.5;
  plan.phases[1].seconds = 0.3;
  plan.phases[2].seconds = 2.05;  // the rest of 0.05 joins the interval before
  const std::vector<Interval> intervals = intervals_of(plan);
  CLAIM(intervals.size() == 3 + 1 + 2);
  double end = 0;
  for (const Interval& interval : intervals) {
    CLAIM(interval.start_seconds == end && interval.end_seconds > end);
    end = interval.end_seconds;
  }
  CLAIM(is_near(end, 4.85, 1e-9));
  CLAIM(intervals[2].is_last_of_phase && !intervals[1].is_last_of_phase && intervals[3].is_last_of_phase);
}

TEST("counters: what does not count is kept apart, a wrong answer counts at any time") {
  Plan plan;
  plan.requests.resize(2);
  plan.requests[1].rows = 5;
  Counters counters(plan);
  counters.finish({0, 0, 1, 0, Counts::kYes}, Outcome::kRight, 100);
  counters.finish({0, 0, 1, 0, Counts::kNo}, Outcome::kRight, 100);
  counters.finish({0, 0, 0, 0, Counts::kAsItEnds}, Outcome::kRight, 100);
  counters.counts_now = true;
  counters.finish({0, 0, 0, 0, Counts::kAsItEnds}, Outcome::kRight, 100);
  counters.finish({0, 0, 0, 0, Counts::kNo}, Outcome::kWrong, 100);
  counters.fail({0, 0, 1, 0, Counts::kNo}, "in the warm-up");
  CLAIM(counters.kinds()[1].requests == 1 && counters.kinds()[1].rows == 5 && counters.kinds()[1].failures == 0);
  CLAIM(counters.kinds()[0].requests == 1 && counters.kinds()[0].mismatches == 1);
  CLAIM(counters.rest().requests == 2 && counters.rest().failures == 1);
}

TEST("plan: every field of its text is read") {
  const Plan plan = parse_plan(
      "penstock-load 1\ntransport oip-binary\nhost ::1\nport 81\nserver-pid 7\nheader Authorization: Bearer a b\n"
      "connections 3\nthreads 2\nseed 4294967295\ninterval-seconds 0.5\nbacklog-max 10\n"
      "request first kind\nweight 2.5\nrows 4\nbodies /a b\npath /x\ncontent-type text/a; b=c\nexpect-status 400\n"
      "expect-code ERR_A\nexpect-code ERR_B\nrequest second\npath /y\n"
      "phase warmup closed 1.5 64 20\nphase measured open 2 100 1e3\nend\n");
  CLAIM(plan.transport == Transport::kOipBinary && plan.host == "::1" && plan.port == 81 && plan.server_pid == 7);
  CLAIM(plan.headers.size() == 1 && plan.headers[0] == "Authorization: Bearer a b");
  CLAIM(plan.connections == 3 && plan.threads == 2 && plan.seed == 4294967295 && plan.backlog_max == 10);
  CLAIM(plan.requests.size() == 2 && plan.requests[0].name == "first kind" && plan.requests[0].weight == 2.5);
  CLAIM(plan.requests[0].bodies_path == "/a b" && plan.requests[0].content_type == "text/a; b=c");
  CLAIM(plan.requests[0].expect_status == 400 && plan.requests[0].expect_codes.size() == 2);
  CLAIM(plan.phases[0].is_warmup && plan.phases[0].in_flight == 64 && plan.phases[0].think_ms == 20);
  CLAIM(plan.phases[1].is_open && plan.phases[1].end_rate == 1000 && !plan.phases[1].is_warmup);
}

TEST("json: a key inside a string is none, and brackets in strings do not count") {
  const std::string_view json = R"({"note":"\"y\":[9] ]}", "x": {"y" : [1, 2]}})";
  const size_t at = json::find_key(json, "y");
  CLAIM(at != std::string_view::npos && json.substr(at) == "[1, 2]}}");
  CLAIM(json::find_key(json, "z") == std::string_view::npos);
  CLAIM(json::find_key("{\"y", "y") == std::string_view::npos);
}

TEST("compare: JSON numbers must be all there, in order, within tolerance and no more") {
  const RequestSet set = set_of({{1.5f, -2.0f, 0.25f}});
  AnswerChecker checker(set);
  CLAIM(checker.is_right_json(0, R"({"outputs":{"y":[[1.5],[-2.0],[0.25]]},"metadata":{"id":1}})"));
  CLAIM(checker.is_right_json(0, R"({"outputs":{"y":[[1.5],[-2.0],[0.25]]},"metadata":{"id":2}})"));
  CLAIM(checker.is_right_json(0, R"({"y": [ 1.5000001, -2, 25e-2 ] })"));
  CLAIM(!checker.is_right_json(0, R"({"y":[1.5,-2.0]})"));
  CLAIM(!checker.is_right_json(0, R"({"y":[1.5,-2.0,0.25,4]})"));
  CLAIM(!checker.is_right_json(0, R"({"y":[1.5,-2.0,0.251]})"));
  CLAIM(!checker.is_right_json(0, R"({"y":[-2.0,1.5,0.25]})"));
  CLAIM(!checker.is_right_json(0, R"({"y":[1.5,-2.0,null]})"));
  CLAIM(!checker.is_right_json(0, R"({"y":[1.5,-2.0,0.25)"));
  CLAIM(!checker.is_right_json(0, R"({"z":[1.5,-2.0,0.25]})"));
}

TEST("compare: a number that only begins like a right one is wrong, even after the right text was remembered") {
  const RequestSet set = set_of({{1.0f}});
  AnswerChecker checker(set);
  CLAIM(checker.is_right_json(0, R"({"y":1})"));
  CLAIM(checker.is_right_json(0, R"({"y":[1]})"));
  CLAIM(!checker.is_right_json(0, R"({"y":[12]})"));
  CLAIM(!checker.is_right_json(0, R"({"y":12})"));
}

TEST("compare: bytes within tolerance are right, NaN only where it is expected") {
  const float nan = std::nanf("");
  const RequestSet set = set_of({{1.0f, nan}});
  AnswerChecker checker(set);
  CLAIM(checker.is_right_binary(0, bytes_of({1.000001f, -nan})));
  CLAIM(!checker.is_right_binary(0, bytes_of({1.001f, nan})));
  CLAIM(!checker.is_right_binary(0, bytes_of({nan, nan})));
  CLAIM(!checker.is_right_binary(0, bytes_of({1.0f})));
  CLAIM(!checker.is_right_binary(0, bytes_of({1.0f, nan, 0})));
  CLAIM(checker.is_right_json(0, R"({"y":[1,null]})"));
}

TEST("compare: OIP answers are found by name, as JSON and behind the head") {
  const RequestSet set = set_of({{1.5f, 2.5f}});
  AnswerChecker checker(set);
  CLAIM(checker.is_right_oip(0,
                             R"({"outputs":[{"name":"x","data":[7]},)"
                             R"({"name":"y","datatype":"FP32","data":[1.5,2.5]}]})",
                             0));
  CLAIM(!checker.is_right_oip(0, R"({"outputs":[{"name":"x","data":[1.5,2.5]}]})", 0));
  CLAIM(!checker.is_right_oip(0, R"({"outputs":[{"name":"y","data":[1.5,9]}]})", 0));
  const std::string head = R"({"outputs":[{"name":"x","parameters":{"binary_data_size":4}},)"
                           R"({"name":"y","parameters":{"binary_data_size":8}}]})";
  std::string body = head + "abcd";
  const std::vector<float> answer{1.5f, 2.5f};
  body.append(reinterpret_cast<const char*>(answer.data()), 8);
  CLAIM(checker.is_right_oip(0, body, head.size()));
  CLAIM(!checker.is_right_oip(0, body.substr(0, body.size() - 1), head.size()));
  body[body.size() - 1] = 0x7f;
  CLAIM(!checker.is_right_oip(0, body, head.size()));
}

TEST("http: the same response is read whole however its bytes arrive") {
  const std::string plain = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nInference-Header-Content-Length: 3\r\n\r\nhello";
  const std::string chunked =
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: "
      "Close\r\n\r\n3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n";
  // The body is a view of what was read.
  const std::string followed = plain + "HTTP";
  for (size_t step = 1; step < chunked.size() + 2; ++step) {
    HttpResponseReader first;
    CLAIM(read_in_steps(first, followed, step) == Progress::kWhole);
    CLAIM(first.body() == "hello" && first.size_bytes() == plain.size() && !first.is_last());
    CLAIM(first.status() == 200 && first.inference_head_bytes() == 3);
    HttpResponseReader second;
    CLAIM(read_in_steps(second, chunked, step) == Progress::kWhole);
    CLAIM(second.body() == "hello" && second.size_bytes() == chunked.size() && second.is_last());
  }
}

TEST("http: a body without a length ends with the connection, any other is broken by its end") {
  HttpResponseReader reader;
  const std::string text = "HTTP/1.0 200 OK\r\n\r\nall of it";
  CLAIM(reader.read(text) == Progress::kIncomplete);
  CLAIM(reader.read_closed(text) == Progress::kWhole && reader.body() == "all of it" && reader.is_last());
  HttpResponseReader cut;
  CLAIM(cut.read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel") == Progress::kIncomplete);
  CLAIM(cut.size_bytes() == 43 &&
        cut.read_closed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel") == Progress::kBroken);
}

TEST("http: what is no response is broken") {
  for (const char* text : {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    HttpResponseReader reader;
    CLAIM(reader.read(text) == Progress::kBroken);
  }
  HttpResponseReader endless;
  CLAIM(endless.read("HTTP/1.1 200 OK\r\n" + std::string(300'000, 'a')) == Progress::kBroken);
  HttpResponseReader empty;
  CLAIM(empty.read("HTTP/1.1 204 No Content\r\n\r\n") == Progress::kWhole && empty.body().empty());
}

TEST("messages: Open is the example of the protocol's page") {
  const std::vector<uint8_t> expected{0x0c, 0, 0, 0, 8, 0, 12, 0,  11, 0, 4,   0,   8,   0,   0,   0,   16,  0, 0,
                                      0,    0, 0, 0, 1, 8, 0,  12, 0,  8, 0,   4,   0,   8,   0,   0,   0,   8, 0,
                                      0,    0, 1, 0, 0, 0, 7,  0,  0,  0, 'a', 'd', 'd', '-', 'o', 'n', 'e', 0};
  CLAIM(encode_open(1, "add-one") == expected);
}

int main() {
  return testing::run_all();
}
