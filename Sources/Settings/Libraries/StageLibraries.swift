package import Foundation
package import MiddlewareKit

/// Loads the libraries that `plugins` names.
package protocol StageLibraries: Sendable {
    /// - Parameters:
    ///   - bytes: The library. The same bytes give the same stages, however often they are asked for.
    ///   - name: What its file is called.
    func library(_ bytes: Data, named name: String) throws(UnusableLibrary) -> StageLibrary
}

/// A library whose code is part of the process now.
package struct StageLibrary: Sendable {
    package let plugins: [any MiddlewarePlugin.Type]
    /// Equal for libraries with the same bytes; short enough to be shown.
    package let fingerprint: String

    package init(plugins: [any MiddlewarePlugin.Type], fingerprint: String) {
        self.plugins = plugins
        self.fingerprint = fingerprint
    }
}

/// Why a library cannot be used, in words that follow its name.
package struct UnusableLibrary: Error, Sendable, Hashable {
    /// Such as "is no library".
    package let problem: String
    /// What to do about it.
    package let hint: String?

    package init(_ problem: String, hint: String? = nil) {
        self.problem = problem
        self.hint = hint
    }
}

/// Where no library can be loaded.
package struct NoLibraries: StageLibraries {
    package init() {}

    package func library(_ bytes: Data, named name: String) throws(UnusableLibrary) -> StageLibrary {
        throw UnusableLibrary("cannot be loaded here")
    }
}
