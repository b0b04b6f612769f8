import Crypto
import Files
import Foundation
import MiddlewareKit

/// Encrypts what must be kept but never be readable in the database file: AES-GCM under a key in a file of its own.
package struct SecretBox: Sendable {
    private let key: SymmetricKey
    private let path: String

    /// Reads the key file, or makes it with mode 0600.
    ///
    /// - Parameter isNeeded: Something was encrypted under it, so a missing file is an error.
    init(keyFile path: String, isNeeded: Bool) throws {
        if !FileManager.default.fileExists(atPath: path) {
            guard !isNeeded else {
                throw StorageFailure(
                    reason: .damaged,
                    description: "the key file \(path) is missing, and the database holds secrets under it. Restore it "
                        + "from a backup; README.md says what to do when there is none")
            }
            try Self.makeKeyFile(path)
        }
        let bytes: [UInt8]
        do throws(UnreadableFile) {
            bytes = try RegularFile.read(path, limit: 33)
        } catch {
            throw StorageFailure(reason: .other, description: "the key file \(path) cannot be read: \(error.reason)")
        }
        try Self.checkMode(of: path)
        guard bytes.count == 32 else {
            throw StorageFailure(
                reason: .damaged, description: "the key file \(path) is damaged: it must hold 32 bytes")
        }
        key = SymmetricKey(data: bytes)
        self.path = path
    }

    /// Makes the file whole or not at all, and leaves alone one that another process makes at the same moment.
    private static func makeKeyFile(_ path: String) throws {
        let draft = "\(path).\(UUID().uuidString)"
        // Created with its final mode: it is never readable by others, not even for a moment.
        let file = Foundation.open(draft, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        defer { unlink(draft) }
        do {
            guard file >= 0 else { throw CocoaError(.fileWriteUnknown) }
            let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
            try handle.write(contentsOf: SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) })
            try handle.synchronize()
            guard link(draft, path) == 0 || errno == EEXIST else { throw CocoaError(.fileWriteUnknown) }
        } catch {
            throw StorageFailure(reason: .readOnly, description: "the key file \(path) cannot be written")
        }
    }

    private static func checkMode(of path: String) throws {
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? 0
        guard mode & 0o077 == 0 else {
            throw StorageFailure(
                reason: .other, description: "the key file \(path) can be read by others; run: chmod 600 \(path)")
        }
    }

    func seal(_ text: String) throws -> Data {
        guard let sealed = try AES.GCM.seal(Data(text.utf8), using: key).combined else {
            throw StorageFailure(reason: .other, description: "a secret could not be encrypted")
        }
        return sealed
    }

    /// - Throws: ``StorageFailure`` when it was sealed under another key, or changed.
    func open(_ sealed: Data) throws -> String {
        do {
            return String(decoding: try AES.GCM.open(AES.GCM.SealedBox(combined: sealed), using: key), as: UTF8.self)
        } catch {
            throw StorageFailure(
                reason: .damaged,
                description: "a stored secret does not fit the key file \(path). Restore the one that was beside the "
                    + "database when the secret was stored; README.md says what to do when there is none")
        }
    }
}
