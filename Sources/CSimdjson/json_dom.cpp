#include "include/json_dom.h"

#include <memory>
#include <simdjson.h>
#include <string>

namespace {

constexpr size_t max_depth = 256;
/// Documents above this size do not keep their memory for the next one.
constexpr size_t kept_capacity = 1 << 20;

thread_local std::unique_ptr<simdjson::dom::parser> parser;

int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The code unit of a `\uXXXX` escape at `at`, or -1.
int escaped_unit(const uint8_t *bytes, size_t length, size_t at) {
    if (at + 6 > length || bytes[at] != '\\' || bytes[at + 1] != 'u') return -1;
    int unit = 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = hex_digit(bytes[i]);
        if (digit < 0) return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/// A copy in which each escaped surrogate without its partner is replaced by `\uFFFD`.
std::string with_paired_surrogates(const uint8_t *bytes, size_t length) {
    std::string out(reinterpret_cast<const char *>(bytes), length);
    for (size_t i = 0; i + 1 < length;) {
        if (bytes[i] != '\\') {
            i += 1;
            continue;
        }
        int unit = escaped_unit(bytes, length, i);
        if (unit < 0xD800 || unit > 0xDFFF) {
            i += 2;
            continue;
        }
        int next = escaped_unit(bytes, length, i + 6);
        if (unit < 0xDC00 && next >= 0xDC00 && next <= 0xDFFF) {
            i += 12;
            continue;
        }
        out.replace(i + 2, 4, "FFFD");
        i += 6;
    }
    return out;
}

}  // namespace

int sluice_json_parse(const uint8_t *bytes, size_t length, const uint64_t **tape, const uint8_t **strings) {
    if (!parser) {
        parser = std::make_unique<simdjson::dom::parser>();
    }
    if (parser->max_depth() != max_depth || parser->capacity() < length) {
        auto error = parser->allocate(length < 4096 ? 4096 : length, max_depth);
        if (error) return error;
    }
    auto result = parser->parse(bytes, length);
    if (result.error() == simdjson::STRING_ERROR) {
        std::string repaired = with_paired_surrogates(bytes, length);
        result = parser->parse(repaired);
    }
    if (result.error()) return result.error();
    *tape = parser->doc.tape.get();
    *strings = parser->doc.string_buf.get();
    return 0;
}

void sluice_json_release(void) {
    if (parser && parser->capacity() > kept_capacity) parser.reset();
}

const char *sluice_json_error_text(int error) {
    switch (error) {
    case simdjson::CAPACITY: return "it is too large";
    case simdjson::DEPTH_ERROR: return "it is nested too deeply";
    case simdjson::UTF8_ERROR: return "it is not UTF-8";
    case simdjson::UNCLOSED_STRING: return "a string has no end";
    case simdjson::UNESCAPED_CHARS: return "a string holds a control character that must be escaped";
    case simdjson::STRING_ERROR: return "a string holds a wrong escape sequence";
    case simdjson::NUMBER_ERROR: return "a number is written in a wrong way, or does not fit into 64 bits";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR: return "a word is none of true, false and null";
    case simdjson::MEMALLOC: return "there is no memory for it";
    default: return "a comma, colon, quotation mark or bracket is missing, or is one too many";
    }
}
