import Foundation
import Settings
import Testing

@testable import PluginLibraries

@Suite struct LoadedLibrariesTests {
    private func problem(_ bytes: Data) -> UnusableLibrary? {
        do throws(UnusableLibrary) {
            _ = try LoadedLibraries(build: LibraryBytes.own).library(bytes, named: "rules.so")
            return nil
        } catch {
            return error
        }
    }

    /// The record fits, and nothing else does.
    @Test func aBrokenLibraryIsRefusedAndLeavesNoCopy() throws {
        let refused = try #require(problem(LibraryBytes.library()))
        #expect(refused.problem.hasPrefix("cannot be loaded"))
        #expect(!refused.problem.contains("sluice-plugins-"))
    }

    @Test func aLibraryWithoutFittingRecordIsNotTouched() {
        #expect(problem(LibraryBytes.library(""))?.problem.hasSuffix("it holds no record") == true)
    }

    @Test(arguments: [
        (
            "/tmp/c/rules.so: undefined symbol: $s13MiddlewareKit4NextV",
            "does not fit this Sluice, which has no `$s13MiddlewareKit4NextV`"
        ),
        (
            "libabc.so.1: cannot open shared object file: No such file or directory",
            "needs the library libabc.so.1, which is not on this machine"
        ),
        (
            "/tmp/c/rules.so: failed to map segment from shared object: Operation not permitted",
            "cannot be loaded, for no program may run in \(FileManager.default.temporaryDirectory.path)"
        ),
        ("/tmp/c/rules.so: file too short", "cannot be loaded: file too short"),
    ])
    func theLinkersWordsAreMadePlain(words: String, problem: String) {
        #expect(UnusableLibrary(linker: words, copy: "/tmp/c/rules.so").problem == problem)
    }
}
