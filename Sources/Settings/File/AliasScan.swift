import MiddlewareKit

/// Looks for aliases (`*name`, below an anchor `&name`) before the text is parsed.
///
/// A handful of aliases can stand for billions of values, or for values nested so deep that freeing them overflows the
/// stack, and the parser offers no way to stop in time. So this scan finds every alias. It knows nothing of quotes and
/// block text, and may take words in there for an alias; but only when an anchor of the same name seems to stand above.
enum AliasScan {
    /// The place of the first alias.
    static func firstAlias(in source: SourceText) -> SourcePosition? {
        let scalars = source.scalars
        var anchors: Set<String> = []
        for index in scalars.indices where scalars[index] == "&" || scalars[index] == "*" {
            guard index == 0 || mayStandBeforeValue(scalars[index - 1]) else { continue }
            let name = String(String.UnicodeScalarView(scalars[(index + 1)...].prefix(while: isNamePart)))
            guard !name.isEmpty else { continue }
            if scalars[index] == "&" {
                anchors.insert(name)
            } else if anchors.contains(name) {
                return source.position(of: index)
            }
        }
        return nil
    }

    /// Everything but letters, digits and the punctuation that is always part of a word.
    private static func mayStandBeforeValue(_ scalar: Unicode.Scalar) -> Bool {
        !scalar.isASCII || " \t\r\n[]{},:?-\"'".unicodeScalars.contains(scalar)
    }

    private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "-", "_": true
        default: false
        }
    }
}
