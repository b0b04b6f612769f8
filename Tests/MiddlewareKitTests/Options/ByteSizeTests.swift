import MiddlewareKit
import Testing

@Suite struct ByteSizeTests {
    @Test(arguments: [
        ("0B", ByteSize.bytes(0)), ("512B", .bytes(512)), ("64KiB", .kibibytes(64)), ("1MiB", .mebibytes(1)),
        ("2GiB", .gibibytes(2)), ("1025B", .bytes(1025)),
    ])
    func readsAndWrites(_ text: String, _ size: ByteSize) {
        #expect(read(ByteSize.self, plain(text)).value == size)
        #expect(size.optionText == text)
    }

    @Test(arguments: [
        ("64", "add a unit"), ("64kB", "write KiB, which is 1024 bytes"), ("1MB", "write MiB, which is 1024 KiB"),
        ("1mib", "write MiB, which is 1024 KiB"), ("1G", "write GiB, which is 1024 MiB"),
        ("big", "write a whole number and B, KiB, MiB or GiB"), ("-1B", "write a whole number and B, KiB, MiB or GiB"),
        ("99999999999999999GiB", "that is too large"),
    ])
    func refusesWithAHint(_ text: String, _ hint: String) {
        let expected = "`key` must be a size such as 64KiB or 1MiB, not `\(text)` (\(hint))"
        #expect(read(ByteSize.self, plain(text)).findings == [expected])
    }
}
