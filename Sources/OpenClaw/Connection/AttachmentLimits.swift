package import MiddlewareKit

/// What a gateway takes beside text (OpenClaw protocol: chat.send, policy).
package struct AttachmentLimits: Sendable, Equatable {
    /// Protocol 3 knows no other files.
    package var takesOnlyImages = false
    /// Decoded bytes of one file; nil: the gateway does not tell.
    package var maxBytes: Int?
    /// The same for images.
    package var maxImageBytes: Int?
    /// Of a whole frame.
    package var maxFrameBytes = 25 << 20

    package init() {}

    init(_ hello: Hello) {
        maxFrameBytes = hello.maxPayload
        if hello.protocolVersion < 4 {
            takesOnlyImages = true
            maxImageBytes = 5_000_000
        } else {
            maxBytes = hello.maxAttachmentBytes
            maxImageBytes = hello.maxImageBytes ?? hello.maxAttachmentBytes
        }
    }

    /// What is wrong with a file, and what to do instead; nil: nothing.
    package func problem(of attachment: Attachment) -> String? {
        let name = attachment.fileName.map { "The file “\($0)”" } ?? "The attachment"
        let isImage = attachment.mimeType.lowercased().hasPrefix("image/")
        if takesOnlyImages, !isImage {
            return
                "\(name) is no image (\(attachment.mimeType)), and this gateway takes only images. Update the gateway, "
                + "or paste the text."
        }
        let limit = isImage ? maxImageBytes : maxBytes
        // Base64 has four characters for three bytes; a data URL has a head before them.
        let encoded = attachment.content.utf8.split(separator: UInt8(ascii: ","), maxSplits: 1).last ?? Substring().utf8
        let bytes = encoded.count / 4 * 3
        guard let limit, bytes > limit else { return nil }
        return "\(name) has \(bytes) bytes; this gateway takes at most \(limit). Send a smaller one."
    }
}
