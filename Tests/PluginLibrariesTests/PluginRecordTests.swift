import Foundation
import Settings
import Testing

@testable import PluginLibraries

@Suite struct PluginRecordTests {
    /// Why the bytes are refused; nil: they fit.
    private func problem(_ bytes: Data, own: ServerBuild = LibraryBytes.own) -> UnusableLibrary? {
        do throws(UnusableLibrary) {
            try PluginRecord(in: bytes).requireFit(with: own)
            return nil
        } catch {
            return error
        }
    }

    @Test func aRecordIsReadFromTheMiddleOfALibrary() throws {
        let record = try PluginRecord(in: LibraryBytes.library(kinds: ["one", "two"]))
        #expect(record == PluginRecord(build: LibraryBytes.own, kinds: ["one", "two"]))
        #expect(problem(LibraryBytes.library()) == nil)
    }

    @Test func theMarkAloneIsNoRecord() throws {
        let text =
            "SLUICE PLUGIN RECORD \0SLUICE PLUGIN RECORD {\0" + PluginRecord(build: LibraryBytes.own, kinds: []).text
        #expect(try PluginRecord(in: LibraryBytes.library(text)).build == LibraryBytes.own)
    }

    @Test(arguments: [
        Data(), Data("#!/bin/sh\n".utf8), Data([0x7F, 0x45, 0x4C, 0x46]), Data(repeating: 0xFF, count: 9),
    ])
    func whatIsNoLibraryIsRefused(bytes: Data) {
        #expect(problem(bytes)?.problem == "is no library")
        #expect(problem(bytes)?.hint == "name a file that `sluice plugin build` made")
    }

    @Test func aProgramIsNoLibrary() {
        #expect(problem(LibraryBytes.elf(machine: "x86_64", type: 2))?.problem == "is no library")
    }

    @Test func aLibraryForAnotherMachineIsRefused() {
        let other = LibraryHeader.ownMachine == "arm64" ? "x86_64" : "arm64"
        let (system, own) = (LibraryHeader.ownSystem.rawValue, LibraryHeader.ownMachine)
        #expect(
            problem(LibraryBytes.library("", machine: other))?.problem
                == "is for \(system) on \(other), and this is \(system) on \(own)")
        let foreign =
            LibraryHeader.ownSystem == .linux ? LibraryBytes.machO(machine: own) : LibraryBytes.elf(machine: own)
        #expect(problem(foreign)?.hint == "build it on this machine with `sluice plugin build`")
        #expect(problem(LibraryBytes.elf(machine: "s390"))?.problem.contains("machine 22") == true)
    }

    @Test func aLibraryWithoutRecordIsRefused() {
        #expect(
            problem(LibraryBytes.library(""))
                == UnusableLibrary(
                    "is a library, but not one of stages: it holds no record",
                    hint: "build it with `sluice plugin build`"))
    }

    @Test(
        arguments: [
            #"{"format":2,"sluice":"9","kit":"k","compiler":"c","kinds":[]}"#, #"{"format":1}"#, "{}",
            #"{"format":1,"sluice":"9","kit":"k","compiler":"c","kinds":"x"}"#,
        ])
    func aRecordOfAnotherFormatIsRefused(json: String) {
        #expect(
            problem(LibraryBytes.library("SLUICE PLUGIN RECORD \(json)\n"))?.problem
                == "has a record of another format than this Sluice knows")
    }

    @Test func aLibraryForAnotherKitIsRefused() {
        var newer = LibraryBytes.own
        newer.version = "2.0.0"
        newer.kit = "release_fedcba9876543210"
        #expect(
            problem(LibraryBytes.library(), own: newer)
                == UnusableLibrary(
                    "was built for Sluice 1.2.3 (kit release_0123456789abcdef), "
                        + "and this is Sluice 2.0.0 (kit release_fedcba9876543210)",
                    hint: "build it again with the `sluice plugin build` of this Sluice"))
    }

    /// What counts is the kit: a release that did not change it takes the libraries of the last one.
    @Test func aLibraryForAnotherReleaseWithTheSameKitFits() {
        var newer = LibraryBytes.own
        newer.version = "2.0.0"
        #expect(problem(LibraryBytes.library(), own: newer) == nil)
    }

    @Test func aLibraryOfAnotherCompilerIsRefused() {
        var other = LibraryBytes.own
        other.compiler = "Swift version 6.3 (y)"
        #expect(
            problem(LibraryBytes.library(), own: other)?.problem
                == "was compiled by Swift version 6.2 (x), and this Sluice by Swift version 6.3 (y)")
    }

    @Test func aLibraryThatIsCutShortIsRefused() {
        let record = Data(PluginRecord(build: LibraryBytes.own, kinds: []).text.utf8)
        let machine = LibraryHeader.ownMachine
        let whole = LibraryBytes.elf(machine: machine, segments: [(0, 100), (100, 400)]) + record
        let padding = Data(count: 500 - whole.count)
        guard LibraryHeader.ownSystem == .linux else { return }
        #expect(problem(whole + padding) == nil)
        #expect(problem((whole + padding).dropLast())?.problem == "is cut short")
        let absurd = LibraryBytes.elf(machine: machine, segments: [(UInt64.max >> 1, UInt64.max >> 1)])
        #expect(problem(absurd + record)?.problem == "is cut short")
        #expect(problem(LibraryBytes.elf(machine: machine, segments: [(0, 10)]).prefix(100))?.problem == "is cut short")
    }

    /// Bytes of any kind are answered in words.
    @Test func anyBytesAreSurvived() {
        var generator = SystemRandomNumberGenerator()
        let whole = LibraryBytes.library()
        for length in 0...whole.count { _ = problem(whole.prefix(length)) }
        for _ in 0..<2000 {
            var bytes = whole
            for _ in 0..<4 { bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255) }
            _ = problem(bytes)
        }
    }
}
