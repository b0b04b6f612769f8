import Histogram

/// Figures as bytes, for the database: a version, then numbers of variable length (LEB128) in a fixed order; histograms and sketches as
/// the places that are not empty. Some 60 bytes for a minute of one user, a few hundred for an hour of many.
extension AnalyticsFigures {
    private static let version: UInt8 = 1

    package var bytes: [UInt8] {
        var writer = NumberWriter()
        writer.bytes.append(Self.version)
        for count in [messagesIn, messagesOut, charactersIn, charactersOut, aborted, reconnects] { writer.write(count) }
        for told in [input, output, cacheRead, cacheWrite, estimatedInput, estimatedOutput, cost] {
            writer.write(told.count)
            if told.count > 0 { writer.write(told.sum) }
        }
        writer.write(errors.count)
        for (kind, count) in errors.sorted(by: { $0.key < $1.key }) {
            writer.write(kind)
            writer.write(count)
        }
        writer.write(rejections.count)
        for (name, count) in rejections.sorted(by: { ($0.key.stage, $0.key.code) < ($1.key.stage, $1.key.code) }) {
            writer.write(name.stage)
            writer.write(name.code)
            writer.write(count)
        }
        for latencies in [firstText, whole, queued] { latencies.write(to: &writer) }
        sessions.write(to: &writer)
        return writer.bytes
    }

    /// Adds what `bytes` holds, without making a value of it first.
    ///
    /// - Throws: ``NumberReader/Malformed``; part of the bytes may have been added then.
    package mutating func add(bytes: UnsafeRawBufferPointer) throws {
        var reader = NumberReader(bytes)
        guard try reader.byte() == Self.version else { throw NumberReader.Malformed() }
        messagesIn &+= try reader.number()
        messagesOut &+= try reader.number()
        charactersIn &+= try reader.number()
        charactersOut &+= try reader.number()
        aborted &+= try reader.number()
        reconnects &+= try reader.number()
        try input.add(&reader)
        try output.add(&reader)
        try cacheRead.add(&reader)
        try cacheWrite.add(&reader)
        try estimatedInput.add(&reader)
        try estimatedOutput.add(&reader)
        try cost.add(&reader)
        for _ in 0..<(try reader.number()) {
            let kind = try reader.text()
            addError(kind, count: try reader.number())
        }
        for _ in 0..<(try reader.number()) {
            let name = RejectionName(stage: try reader.text(), code: try reader.text())
            addRejection(name, count: try reader.number())
        }
        try firstText.add(&reader)
        try whole.add(&reader)
        try queued.add(&reader)
        try sessions.add(&reader)
    }
}

extension SessionSketch {
    /// Stands for the count when the bits follow as they are.
    private static let raw = bits

    fileprivate func write(to writer: inout NumberWriter) {
        let positions = positions
        guard positions.count >= Self.bits / 16 else { return writer.writeRising(positions) }
        writer.write(Self.raw)
        writer.bytes += rawBytes
    }

    fileprivate mutating func add(_ reader: inout NumberReader) throws {
        let count = try reader.number()
        if count == Self.raw { return add(rawBytes: try reader.bytes(Self.bits / 8)) }
        var position = 0
        for _ in 0..<count {
            position += try reader.number()
            guard position < Self.bits else { throw NumberReader.Malformed() }
            insert(position: position)
        }
    }
}

extension AnalyticsFigures.Told {
    fileprivate mutating func add(_ reader: inout NumberReader) throws {
        let added = try reader.number()
        guard added > 0 else { return }
        count &+= added
        add(toSum: try reader.number())
    }
}

extension Latencies {
    fileprivate func write(to writer: inout NumberWriter) {
        var pairs: [(value: UInt64, count: UInt32)] = []
        if let histogram {
            for step in histogram.recordedValues() { pairs.append((step.value, step.count)) }
        }
        writer.write(pairs.count)
        var last: UInt64 = 0
        for pair in pairs {
            writer.write(Int(pair.value - last))
            writer.write(Int(pair.count))
            last = pair.value
        }
    }

    fileprivate mutating func add(_ reader: inout NumberReader) throws {
        let pairs = try reader.number()
        guard pairs > 0 else { return }
        try change { histogram in
            var value: UInt64 = 0
            for _ in 0..<pairs {
                value += UInt64(try reader.number())
                guard let count = UInt32(exactly: try reader.number()), value <= 2 * Self.longest else {
                    throw NumberReader.Malformed()
                }
                histogram.record(value, count: count)
            }
        }
    }
}
