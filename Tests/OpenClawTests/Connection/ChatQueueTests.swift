import Testing

@testable import OpenClaw

@Suite struct ChatQueueTests {
    private var queue = ChatQueue()

    private mutating func enter(_ runID: String, in sessionKey: String = "s") -> ChatQueue.Ticket {
        queue.enter(runID: runID, sessionKey: sessionKey, isInDoubt: false)
    }

    @Test mutating func messagesOfASessionGoOneAfterTheOther() {
        let (first, second, other) = (enter("1"), enter("2"), enter("3", in: "t"))
        #expect([first, second, other].map(queue.isFirst) == [true, false, true])
        queue.goesOut(first)
        #expect(queue.isFirst(second))
        // What is lost on the way comes before what was not written yet.
        queue.comesBack(first, isInDoubt: true)
        #expect([first, second].map(queue.isFirst) == [true, false])
        #expect(first.isInDoubt)
        queue.leave(first)
        #expect(queue.isFirst(second))
    }

    /// It comes after the connection is back, and before those that waited have noticed.
    @Test mutating func aNewcomerStaysBehindThoseThatWaited() {
        let first = enter("1")
        queue.wait(first, for: .connection) {}
        queue.release()
        #expect(!queue.isFirst(enter("2")))
    }

    @Test mutating func theNextOneIsWokenWhenItsTurnComes() {
        let tickets = [enter("1"), enter("2"), enter("3")]
        var woken: [String] = []
        for ticket in tickets.dropFirst() { queue.wait(ticket, for: .turn) { woken.append(ticket.runID) } }
        queue.goesOut(tickets[0])
        #expect(woken == ["2"])
        queue.leave(tickets[1])
        #expect(woken == ["2", "3"])
        #expect(queue.count == 1)
        queue.leave(tickets[2])
        queue.leave(tickets[2])
        #expect(queue.count == 0)
    }

    /// Neither one that pauses nor one behind another is let go by the end of an earlier one.
    @Test mutating func noOtherOneIsWoken() {
        let tickets = [enter("1"), enter("2"), enter("3")]
        var woken: [String] = []
        queue.wait(tickets[1], for: .pause) { woken.append("2") }
        queue.wait(tickets[2], for: .turn) { woken.append("3") }
        queue.leave(tickets[0])
        #expect(woken.isEmpty)
        queue.wake(tickets[1].number, of: "s")
        #expect(woken == ["2"])
    }

    @Test mutating func allAreReleasedInTheOrderInWhichTheyCame() {
        var woken: [String] = []
        for number in 1...6 {
            let ticket = enter("\(number)", in: "s\(number % 3)")
            queue.wait(ticket, for: number == 4 ? .turn : .connection) { woken.append(ticket.runID) }
        }
        queue.release(.turn)
        #expect(woken == ["4"])
        queue.release()
        #expect(woken == ["4", "1", "2", "3", "5", "6"])
        // Their places are theirs until they are gone.
        #expect(queue.count == 6)
    }

    @Test mutating func whatIsUnderWayIsNotTakenBack() {
        let tickets = [enter("1"), enter("2"), enter("3"), enter("4", in: "t")]
        var woken: [String] = []
        for ticket in tickets.dropFirst() { queue.wait(ticket, for: .connection) { woken.append(ticket.runID) } }
        queue.goesOut(tickets[0])
        #expect(queue.withdraw(sessionKey: "s", runID: "3").map(\.runID) == ["3"])
        #expect(queue.withdraw(sessionKey: "s", runID: nil).map(\.runID) == ["2"])
        #expect(woken == ["3", "2"])
        #expect(tickets.map(\.isWithdrawn) == [false, true, true, false])
        #expect(queue.count == 1)
    }
}
