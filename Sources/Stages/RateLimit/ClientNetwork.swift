/// What messages are counted by for the key `ip`: the part of an address that its owner cannot choose freely.
///
/// An IPv4 address as it is, also when it is written inside an IPv6 one (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2). Of
/// an IPv6 address the first 64 bits: a single machine may use any address of its /64 network (RFC 4291 section 2.5.1), and
/// would have a bucket for each.
func clientNetwork(of address: String) -> String {
    guard address.contains(":") else { return address }
    if address.contains(".") {
        return String(address.split(separator: ":").last ?? "")
    }
    let withoutZone = address.prefix { $0 != "%" }
    let halves = withoutZone.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.split(separator: ":") }
    var groups = halves[0]
    if halves.count == 2 {
        groups += Array(repeating: "0", count: max(0, 8 - halves[0].count - halves[1].count)) + halves[1]
    }
    return groups.prefix(4).joined(separator: ":") + "::/64"
}
