import Foundation
import MiddlewareKit
import Testing

@testable import Storage

struct SecretBoxTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/sluice.key"
    }

    @Test func whatIsSealedOpensAgain() throws {
        let box = try SecretBox(keyFile: path, isNeeded: false)
        for text in ["", "token", "ü🙂"] {
            #expect(try box.open(box.seal(text)) == text)
        }
        #expect(try box.seal("same") != box.seal("same"))
        #expect(try SecretBox(keyFile: path, isNeeded: true).open(box.seal("kept")) == "kept")
    }

    @Test func aChangedSecretDoesNotOpen() throws {
        let box = try SecretBox(keyFile: path, isNeeded: false)
        var sealed = try box.seal("token")
        sealed[sealed.count - 1] ^= 1
        #expect(throws: StorageFailure.self) { try box.open(sealed) }
        #expect(throws: StorageFailure.self) { try box.open(Data()) }
    }

    @Test func anotherKeyDoesNotOpenIt() throws {
        let sealed = try SecretBox(keyFile: path, isNeeded: false).seal("token")
        let other = try SecretBox(keyFile: path + ".other", isNeeded: false)
        #expect(throws: StorageFailure.self) { try other.open(sealed) }
    }

    @Test func theFileIsForItsOwnerOnly() throws {
        _ = try SecretBox(keyFile: path, isNeeded: false)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["sluice.key"])
    }

    @Test(arguments: [0o640, 0o604, 0o660])
    func aFileThatOthersCanReadIsRefused(mode: Int) throws {
        _ = try SecretBox(keyFile: path, isNeeded: false)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        let failure = #expect(throws: StorageFailure.self) { try SecretBox(keyFile: path, isNeeded: false) }
        #expect(failure?.description.contains("chmod 600 \(path)") == true)
    }

    @Test func aCutFileIsDamagedAndStaysAsItIs() throws {
        try Data(repeating: 1, count: 31).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        let failure = #expect(throws: StorageFailure.self) { try SecretBox(keyFile: path, isNeeded: false) }
        #expect(failure?.reason == .damaged)
        #expect(try Data(contentsOf: URL(filePath: path)).count == 31)
    }

    @Test func aSecretUnderAnotherKeySaysWhichFileAndWhatToDo() throws {
        let sealed = try SecretBox(keyFile: path, isNeeded: false).seal("secret")
        try FileManager.default.removeItem(atPath: path)
        let other = try SecretBox(keyFile: path, isNeeded: false)
        let failure = #expect(throws: StorageFailure.self) { try other.open(sealed) }
        #expect(failure?.description.contains("the key file \(path). Restore the one") == true)
    }

    @Test func thoseWhoStartTogetherShareOneKey() async throws {
        let sealed = try await withThrowingTaskGroup(of: Data.self) { group in
            for number in 0..<16 {
                group.addTask { try SecretBox(keyFile: path, isNeeded: false).seal("secret \(number)") }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let box = try SecretBox(keyFile: path, isNeeded: true)
        #expect(try Set(sealed.map(box.open)).count == 16)
    }
}
