import Foundation
import SluiceServer

/// What commands print: results to standard output, everything else to standard error. Much of it was written by others (answers,
/// names, files), so nothing goes out that would draw on a terminal.
enum Output {
    static func line(_ text: String) { write(text + "\n", to: .standardOutput) }

    static func error(_ text: String, terminator: String = "\n") { write(text + terminator, to: .standardError) }

    /// Nobody may read it any more, or the disk may be full: no reason for a server to end.
    private static func write(_ text: String, to file: FileHandle) {
        try? file.write(contentsOf: Data(TerminalText.lines(text).utf8))
    }

    /// A time in milliseconds since 1970, for people.
    static func time(_ milliseconds: Int) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    }

    /// Lines up the cells of rows.
    static func table(_ rows: [[String]]) {
        let rows = rows.map { $0.map(TerminalText.line) }
        guard let columns = rows.map(\.count).max() else { return }
        let widths = (0..<columns).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            line(cells.joined(separator: "  "))
        }
    }
}

/// Exit codes: 0 all is well; 1 something is wrong, and was printed; 2 the configuration cannot be read.
enum Exit {
    static let failure: Int32 = 1
    static let unreadable: Int32 = 2
}
