#include "chat_event.h"

#include <simdjson.h>

#include <cstring>
#include <memory>
#include <string_view>

namespace ondemand = simdjson::ondemand;

namespace {

/// Frames above this size do not keep their memory for the next one.
constexpr size_t kept_capacity = 1 << 20;

struct reader {
    ondemand::parser parser;
    std::unique_ptr<uint8_t[]> padded;
    size_t padded_size = 0;
};

thread_local std::unique_ptr<reader> current;

/// Thrown inside this file only, when a frame is not as usual.
struct unusual {};

template <typename T>
T take(simdjson::simdjson_result<T> result) {
    T value;
    if (std::move(result).get(value)) throw unusual{};
    return value;
}

/// The bytes between the quotes. The token view ends where the next token begins, so white space may follow the quote.
sluice_raw_string raw(ondemand::value value) {
    if (take(value.type()) != ondemand::json_type::string) throw unusual{};
    std::string_view token = value.raw_json_token();
    size_t end = token.find_last_of('"');
    if (end == std::string_view::npos || end == 0) throw unusual{};
    // Reading the raw string moves the parser past the value.
    take(value.get_raw_json_string());
    return {reinterpret_cast<const uint8_t *>(token.data()) + 1, end - 1};
}

bool equals(const sluice_raw_string &text, std::string_view other) {
    return text.length == other.size() && std::memcmp(text.bytes, other.data(), text.length) == 0;
}

bool is_null(ondemand::value value) { return take(value.type()) == ondemand::json_type::null; }

void read_block(ondemand::value value, sluice_raw_string &text) {
    sluice_raw_string type{}, content{};
    for (auto item : take(value.get_object())) {
        ondemand::field field = take(std::move(item));
        if (field.key() == "type") {
            type = raw(field.value());
        } else if (field.key() == "text" && take(field.value().type()) == ondemand::json_type::string) {
            content = raw(field.value());
        }
    }
    if (!type.bytes) throw unusual{};
    if (!equals(type, "text")) return;
    if (!content.bytes || text.bytes) throw unusual{};
    text = content;
}

sluice_raw_string read_message(ondemand::value value) {
    sluice_raw_string text{}, blocks{};
    for (auto item : take(value.get_object())) {
        ondemand::field field = take(std::move(item));
        if (field.key() == "role") {
            if (!equals(raw(field.value()), "assistant")) throw unusual{};
        } else if (field.key() == "text") {
            if (!is_null(field.value())) text = raw(field.value());
        } else if (field.key() == "content") {
            switch (take(field.value().type())) {
            case ondemand::json_type::string: blocks = raw(field.value()); break;
            case ondemand::json_type::array:
                for (auto block : take(field.value().get_array())) read_block(take(std::move(block)), blocks);
                break;
            default: throw unusual{};
            }
        }
    }
    return text.length > 0 ? text : blocks;
}

/// False when this is no delta or an unusual one.
bool read_payload(ondemand::value value, sluice_frame &frame) {
    bool is_delta = false;
    for (auto item : take(value.get_object())) {
        ondemand::field field = take(std::move(item));
        if (field.key() == "runId") {
            frame.run_id = raw(field.value());
        } else if (field.key() == "sessionKey") {
            if (!is_null(field.value())) frame.session_key = raw(field.value());
        } else if (field.key() == "state") {
            is_delta = equals(raw(field.value()), "delta");
            if (!is_delta) return false;
        } else if (field.key() == "message") {
            if (!is_null(field.value())) frame.text = read_message(field.value());
        } else if (field.key() == "deltaText") {
            if (!is_null(field.value())) frame.delta_text = raw(field.value());
        } else if (field.key() == "replace") {
            if (!is_null(field.value())) frame.replace = take(field.value().get_bool());
        }
    }
    auto plain = [](const sluice_raw_string &text) {
        return !text.bytes || !std::memchr(text.bytes, '\\', text.length);
    };
    return is_delta && frame.run_id.length > 0 && plain(frame.run_id) && plain(frame.session_key);
}

/// `event` is filled as far as the frame could be read, also when this throws.
void read_envelope(ondemand::document &document, sluice_frame &frame) {
    bool is_event = false, is_delta = false;
    for (auto item : take(document.get_object())) {
        ondemand::field field = take(std::move(item));
        if (field.key() == "type") {
            is_event = equals(raw(field.value()), "event");
            if (!is_event) {
                frame.kind = SLUICE_FRAME_OTHER;
                return;
            }
        } else if (field.key() == "event") {
            frame.event = raw(field.value());
        } else if (field.key() == "payload") {
            // A payload before its name is legal but unheard of: left to the DOM parser.
            if (is_event && frame.event.bytes && equals(frame.event, "chat")) {
                is_delta = read_payload(field.value(), frame);
                if (!is_delta) {
                    frame.kind = SLUICE_FRAME_EVENT;
                    return;
                }
            }
        } else if (field.key() == "seq") {
            if (!is_null(field.value())) frame.seq = take(field.value().get_int64());
        }
    }
    // At the end of the document there is no location: anything else means bytes behind the object.
    if (!document.current_location().error()) throw unusual{};
    frame.kind = is_delta ? SLUICE_FRAME_DELTA : is_event ? SLUICE_FRAME_EVENT : SLUICE_FRAME_OTHER;
}

}  // namespace

void sluice_read_frame(const uint8_t *bytes, size_t length, size_t readable, sluice_frame *frame) {
    *frame = sluice_frame{};
    frame->seq = -1;
    if (!current || current->parser.capacity() > kept_capacity || current->padded_size > kept_capacity) {
        current = std::make_unique<reader>();
    }
    if (readable < length + simdjson::SIMDJSON_PADDING) {
        if (current->padded_size < length + simdjson::SIMDJSON_PADDING) {
            current->padded_size = 2 * length + simdjson::SIMDJSON_PADDING;
            current->padded.reset(new uint8_t[current->padded_size]);
        }
        std::memcpy(current->padded.get(), bytes, length);
        std::memset(current->padded.get() + length, 0, simdjson::SIMDJSON_PADDING);
        bytes = current->padded.get();
    }
    try {
        ondemand::document document;
        simdjson::padded_string_view view(
            reinterpret_cast<const char *>(bytes), length, length + simdjson::SIMDJSON_PADDING);
        if (current->parser.iterate(view).get(document)) return;
        read_envelope(document, *frame);
    } catch (const unusual &) {
        // What was read so far may be wrong: only the name of the event helps to decide what to do with the frame.
        frame->kind = frame->event.bytes ? SLUICE_FRAME_EVENT : SLUICE_FRAME_BROKEN;
    }
}
