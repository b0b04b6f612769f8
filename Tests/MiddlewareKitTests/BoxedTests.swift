import MiddlewareTesting
import Testing

@testable import MiddlewareKit

@Suite struct BoxedTests {
    @Test func aChangeOfOneCopyIsNoneOfTheOthers() {
        let first = InboundMessage(kind: .chat, gateway: "home", sessionKey: "agent:main:x", text: "Hello", runID: "r")
        var second = first
        second.text += "!"
        var third = second
        third.text = "Bye"
        third.answer = "So long"
        #expect([first, second, third].map(\.text) == ["Hello", "Hello!", "Bye"])
        #expect([first, second, third].map(\.answer) == [nil, nil, "So long"])
        #expect(third.gateway == "home" && third.agent == "main" && third.runID == "r")
    }

    /// A stage may build a text piece by piece.
    @Test func whatNobodyElseHasIsChangedInItsPlace() {
        var boxed = Boxed([1, 2, 3])
        boxed.value.reserveCapacity(10)
        let place = boxed.value.withUnsafeBufferPointer(\.baseAddress)
        boxed.value.append(4)
        #expect(boxed.value.withUnsafeBufferPointer(\.baseAddress) == place)
        let copy = boxed
        boxed.value.append(5)
        #expect(copy.value == [1, 2, 3, 4])
        #expect(boxed.value == [1, 2, 3, 4, 5])
    }

    @Test func copiesMayBeChangedOnManyThreads() async {
        let message = InboundMessage(kind: .chat, text: "x")
        let texts = await withTaskGroup(of: String.self) { group in
            for number in 0..<100 {
                group.addTask {
                    var copy = message
                    for _ in 0..<100 { copy.text += "\(number % 10)" }
                    return copy.text
                }
            }
            return await group.reduce(into: [String]()) { $0.append($1) }
        }
        #expect(texts.allSatisfy { $0.count == 101 && Set($0).count == 2 })
        #expect(message.text == "x")
    }
}
