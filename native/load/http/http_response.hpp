// Reads one HTTP/1.1 response as its bytes arrive: with content-length, chunked, or until the connection closes, which
// is all that servers in the field send. Each byte is looked at once: a long body costs no second search.
// The caller passes everything received and not consumed, again and again, until the response is whole.
// Views point into that memory, or into the reader's own (chunked bodies), until reset().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::load {

class HttpResponseReader {
 public:
  enum class Progress { kIncomplete, kWhole, kBroken };

  Progress read(std::string_view received);
  // The peer has closed: whole when that is how this body ends.
  Progress read_closed(std::string_view received);
  void reset();

  int status() const noexcept { return status_; }
  std::string_view body() const noexcept { return body_; }
  // Bytes of `received` that belong to this response. When incomplete: what it will have at least, 0 when unknown.
  size_t size_bytes() const noexcept { return size_bytes_; }
  // The server will close the connection after this response.
  bool is_last() const noexcept { return is_last_; }
  // Value of Inference-Header-Content-Length; 0 when absent.
  size_t inference_head_bytes() const noexcept { return inference_head_bytes_; }
  bool has_begun() const noexcept { return stage_ != Stage::kHead; }

 private:
  enum class Stage { kHead, kLength, kChunkSize, kChunkData, kTrailer, kUntilClose };

  bool read_head(std::string_view received);
  void read_header(std::string_view name, std::string_view value);
  Progress read_chunks(std::string_view received);

  Stage stage_ = Stage::kHead;
  int status_ = 0;
  bool is_last_ = false;
  bool is_chunked_ = false;
  bool has_length_ = false;
  bool is_broken_ = false;
  size_t length_ = 0;
  size_t inference_head_bytes_ = 0;
  size_t at_ = 0;  // bytes of `received` understood so far
  size_t chunk_bytes_ = 0;
  size_t size_bytes_ = 0;
  std::string joined_;
  std::string_view body_;
};

}  // namespace penstock::load
