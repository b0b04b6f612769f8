import JSON
import NIOCore
import Testing

@Suite struct JSONValueTests {
    @Test(arguments: [
        #"{"a":[1,-2,3.5,"x",true,false,null,{}],"b":{"c":[]}}"#,
        #""\u0001\n\t\"\\ü😀""#,
        "9223372036854775807",
    ])
    func roundTrip(text: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(try JSONValue(parsing: value.encoded()) == value)
    }

    @Test func membersAreFoundByKey() throws {
        let value = try JSONValue(parsing: #"{"a":1,"b":{"c":["x",2.0]},"a":3,"n":null}"#)
        #expect(value["a"]?.int == 3)
        #expect(value["b"]?["c"]?[1]?.int == 2)
        #expect(value["b"]?["c"]?[7] == nil)
        #expect(value["n"]?.isNull == true)
        #expect(value["zzz"] == nil)
    }

    @Test func largeObjectsKeepOrderAndLastValue() {
        var object = JSONObject((0..<100).map { ("k\($0)", .integer(Int64($0))) })
        object["k50"] = "changed"
        object["k0"] = nil
        #expect(object.count == 99)
        #expect(object.keys.first == "k1")
        #expect(object["k50"]?.string == "changed")
        #expect(object["k99"]?.int == 99)
    }

    @Test(arguments: [
        (#""a\ud83d""#, "a\u{FFFD}"), (#""\ude00b""#, "\u{FFFD}b"), (#""\ud83d\ude00""#, "😀"),
        (#""\\ud83d""#, "\\ud83d"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
    ])
    func loneSurrogatesBecomeReplacementCharacters(text: String, expected: String) throws {
        #expect(try JSONValue(parsing: text).string == expected)
    }

    @Test(arguments: [
        "", " ", "{", "nul", "[1,]", "{\"a\":}", "1 2", "\"\u{1}\"", "1e99999", String(repeating: "[", count: 10_000),
        String(repeating: "[", count: 300) + String(repeating: "]", count: 300),
    ])
    func badDocumentsAreRefused(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test func badUTF8IsRefused() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: ByteBuffer(bytes: [0x22, 0xC3, 0x28, 0x22])) }
    }

    @Test func largeDocumentsAreParsedToo() throws {
        let text = String(repeating: "x", count: 3_000_000)
        #expect(try JSONValue(parsing: "[\"\(text)\"]")[0]?.string == text)
    }

    @Test func notANumberIsWrittenAsNull() {
        #expect(JSONValue.number(.nan).encoded() == "null")
    }

    @Test(arguments: [
        ("", "the document is empty"),
        (#"{"a" 1}"#, "a comma, colon, quotation mark or bracket is missing, or is one too many"),
        (#"{"a":1"#, "a comma, colon, quotation mark or bracket is missing, or is one too many"),
        (#"["a]"#, "a string has no end"), (#"["\q"]"#, "a string holds a wrong escape sequence"),
        ("[\"\u{1}\"]", "a string holds a control character that must be escaped"),
        ("[truth]", "a word is none of true, false and null"),
        ("[1e999]", "a number is written in a wrong way, or does not fit into 64 bits"),
        (String(repeating: "[", count: 2000) + String(repeating: "]", count: 2000), "it is nested too deeply"),
    ]) func whatIsWrongIsSaidInPlainWords(text: String, words: String) {
        #expect(throws: JSONError(message: words)) { try JSONValue(parsing: text) }
    }
}
