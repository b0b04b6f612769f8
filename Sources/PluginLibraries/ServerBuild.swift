import MiddlewareKit

/// What a program was built from, as far as a library must know.
package struct ServerBuild: Sendable, Hashable {
    /// The release of Sluice.
    package var version: String
    /// Tells one MiddlewareKit from another: its sources, those of what it imports, the compiler and the way of building.
    package var kit: String
    package var compiler: String

    package init(version: String, kit: String, compiler: String) {
        self.version = version
        self.kit = kit
        self.compiler = compiler
    }

    /// This program.
    package static func own(version: String) -> ServerBuild {
        ServerBuild(version: version, kit: KitBuild.fingerprint, compiler: KitBuild.compiler)
    }
}
