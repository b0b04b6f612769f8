import MiddlewareKit

/// Prints what it costs to ask a condition, the facts of the message included.
func measureConditions() async {
    let conditions = [
        "user == ada", "gateway == home and user in [ada, bob, eve] and not staff in groups",
        "session starts-with agent:main: and (user == bob or user == eve or staff in groups)",
        "ip in [10.0.0.0/8, 192.168.0.0/16]", "session matches '^agent:(main|support-[0-9]+):web'",
        "text matches '(?i)refund|invoice' or text-size > 4KiB",
    ]
    let text = "Where is the parcel that I was promised for last Friday, and whom can I ask about it?"
    var sink = 0
    print("condition: ns (for the last one with a text of \(text.utf8.count) bytes)")
    for words in conditions {
        var findings = Findings()
        let node = ConfigNode(
            position: SourcePosition(file: "", line: 1, column: 1), content: .scalar(words, isPlain: true))
        guard let condition = Condition.read(node, findings: &findings) else {
            print("\(words): \(findings.all)")
            continue
        }
        let (user, session, groups) = ("ada", "agent:main:web-4711", Set(["support", "night"]))
        let time = await measure(500_000) { count in
            for index in 0..<count {
                let holds = condition.matches(
                    MessageFacts(
                        direction: .inbound, kind: "chat", gateway: "home", agent: "main", model: "openai/gpt-5",
                        session: session, user: user, groups: groups, address: "192.168.1.77", text: text))
                sink &+= holds ? index : 1
            }
        }
        print("\(words): \(Int(time.rounded()))")
    }
    // Without a use of the answers nothing would be computed.
    if sink == 0 { print("") }
}
