#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Parses one JSON document with simdjson's DOM parser of this thread.
///
/// On success returns 0 and points `tape` and `strings` at the parsed document (simdjson's documented tape format). Both
/// stay valid until the next call on this thread. Otherwise returns an error number for `sluice_json_error_text`.
/// Escaped lone surrogates, which JavaScript can produce, are read as U+FFFD instead of refused.
int sluice_json_parse(const uint8_t *bytes, size_t length, const uint64_t **tape, const uint8_t **strings);

/// Gives back the memory of a large document. Call when done with the tape.
void sluice_json_release(void);

/// A short English description of an error number.
const char *sluice_json_error_text(int error);

#ifdef __cplusplus
}
#endif
