/// The web page that the server serves, compiled in.
package enum ConsolePage {
    /// `index.html`, UTF-8.
    package static let html: [UInt8] = PackageResources.index_html
}
