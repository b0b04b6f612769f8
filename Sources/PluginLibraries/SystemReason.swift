import Foundation

/// Why the system refused something, in its own few words: "Permission denied".
func systemReason(of error: any Error) -> String {
    var next: NSError? = error as NSError
    while let current = next {
        if current.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(current.code))) }
        next = (current.userInfo[NSUnderlyingErrorKey] as? any Error).map { $0 as NSError }
    }
    return "the system refuses it"
}
