#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What stands between the quotes of a JSON string, still escaped. `bytes` is null when there is no such string.
typedef struct {
    const uint8_t *bytes;
    size_t length;
} sluice_raw_string;

typedef enum {
    /// No JSON object, or broken: the caller must look closer.
    SLUICE_FRAME_BROKEN = 0,
    /// A plain piece of a reply: all that the struct holds is set.
    SLUICE_FRAME_DELTA = 1,
    /// Some other event: `event`, `seq` and, if found on the way, nothing else is set.
    SLUICE_FRAME_EVENT = 2,
    /// A `res` frame, or one of an unknown type.
    SLUICE_FRAME_OTHER = 3,
} sluice_frame_kind;

typedef struct {
    sluice_frame_kind kind;
    /// `replace` of the payload was true.
    bool replace;
    /// The `seq` of the envelope, or -1.
    int64_t seq;
    sluice_raw_string event;
    sluice_raw_string run_id;
    sluice_raw_string session_key;
    /// The visible text of `message`: its only text block, or its `text`.
    sluice_raw_string text;
    sluice_raw_string delta_text;
} sluice_frame;

/// Reads one frame of the gateway protocol with simdjson's on-demand parser of this thread.
///
/// `readable` is how many bytes may be read from `bytes` on; when it is less than `length` plus simdjson's padding the
/// frame is copied into a buffer of this thread. What `frame` points to is valid until the next call on this thread and
/// for as long as `bytes` is. Only a `chat` event of state `delta` in its usual form becomes a delta, everything that
/// is rare (several text blocks, escapes in a run id, unusual types) is left to a DOM parser as `SLUICE_FRAME_EVENT`.
void sluice_read_frame(const uint8_t *bytes, size_t length, size_t readable, sluice_frame *frame);

#ifdef __cplusplus
}
#endif
