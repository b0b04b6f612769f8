/// The Swift file that `sluice plugin build` adds to those of a library: its record, and the way to its stages.
///
/// What the dynamic linker finds by name must have a C interface, and that knows pointers only: one to bytes that live as long
/// as the library, and one to an array of the caller's. PluginTests of the end-to-end tests call both.
struct PluginEntry {
    static let typesSymbol = "sluice_plugin_types"

    let record: PluginRecord
    /// The names of the types that make stages.
    let types: [String]

    var source: String {
        // Neither a version nor a kind holds what ends such a literal; line ends are written as escapes.
        let text = record.text.replacing("\n", with: "\\#n")
        return """
            // Made by `sluice plugin build`.
            import MiddlewareKit

            private let _sluicePluginText: StaticString = #"\(text)"#

            /// The record; it keeps the text in the file.
            @_cdecl("sluice_plugin_record") public func _sluicePluginRecord() -> UnsafePointer<UInt8> {
                // The library fits no other kit than the one with this name.
                _kit_\(record.build.kit)()
                return _sluicePluginText.utf8Start
            }

            /// Sets the array that the pointer is to.
            @_cdecl("\(Self.typesSymbol)") public func _sluicePluginTypes(_ types: UnsafeMutableRawPointer) {
                types.assumingMemoryBound(to: [any MiddlewarePlugin.Type].self).pointee = [
                    \(types.map { "\($0).self" }.joined(separator: ", "))
                ]
            }

            """
    }
}
