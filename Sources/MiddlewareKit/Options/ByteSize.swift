/// A number of bytes, such as `64KiB` or `1MiB`.
public struct ByteSize: OptionValue, Hashable, Comparable {
    public var bytes: Int

    public init(bytes: Int) { self.bytes = bytes }

    public static func bytes(_ count: Int) -> ByteSize { ByteSize(bytes: count) }
    public static func kibibytes(_ count: Int) -> ByteSize { ByteSize(bytes: count << 10) }
    public static func mebibytes(_ count: Int) -> ByteSize { ByteSize(bytes: count << 20) }
    public static func gibibytes(_ count: Int) -> ByteSize { ByteSize(bytes: count << 30) }

    public static func < (a: ByteSize, b: ByteSize) -> Bool { a.bytes < b.bytes }

    public static var optionType: OptionType { .size }

    /// The units, largest first, in bytes.
    private static let units: [(name: String, bytes: Int64)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    /// The size that a text such as `64KiB` names; nil when it names none.
    public init?(parsing text: String) {
        guard let (count, unit) = splitUnit(text), let bytes = Self.units.first(where: { $0.name == unit })?.bytes
        else {
            return nil
        }
        let (total, overflows) = count.multipliedReportingOverflow(by: bytes)
        guard !overflows, let bytes = Int(exactly: total) else { return nil }
        self.bytes = bytes
    }

    /// A whole number and a unit: `512B`, `64KiB`, `1MiB`, `2GiB`. Units of 1000 bytes are refused: few who write `MB`
    /// mean it.
    public static func read(_ node: ConfigNode, findings: inout Findings) -> ByteSize? {
        if let size = node.scalar.flatMap(ByteSize.init(parsing:)) { return size }
        let parts = node.scalar.flatMap(splitUnit)
        let hint =
            switch parts?.unit.lowercased() {
            case _ where units.contains { $0.name == parts?.unit }: "that is too large"
            case "": "add a unit"
            case "k", "kb", "kib": "write KiB, which is 1024 bytes"
            case "m", "mb", "mib": "write MiB, which is 1024 KiB"
            case "g", "gb", "gib": "write GiB, which is 1024 MiB"
            default: "write a whole number and B, KiB, MiB or GiB"
            }
        node.report(expected: "a size such as 64KiB or 1MiB", hint: hint, findings: &findings)
        return nil
    }

    /// In the largest unit that gives a whole number.
    public var optionText: String {
        if bytes == 0 { return "0B" }
        for unit in Self.units where Int64(bytes).isMultiple(of: unit.bytes) {
            return "\(Int64(bytes) / unit.bytes)\(unit.name)"
        }
        return "\(bytes)B"
    }
}
