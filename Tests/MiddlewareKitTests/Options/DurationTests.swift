import MiddlewareKit
import Testing

@Suite struct DurationTests {
    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("30s", .seconds(30)), ("1m", .seconds(60)), ("24h", .seconds(86_400)),
        ("7d", .seconds(604_800)), ("0s", .zero),
    ])
    func reads(_ text: String, _ duration: Duration) {
        #expect(read(Duration.self, plain(text)).value == duration)
        #expect(read(Duration.self, quoted(text)).value == duration)
    }

    @Test func everyWholeNumberOfMillisecondsReadsBack() {
        for milliseconds in [0, 1, 999, 1000, 1001, 59_999, 60_000, 90_000, 3_600_000, 86_400_000, 86_400_001, 1 << 40]
        {
            let duration = Duration.milliseconds(milliseconds)
            #expect(read(Duration.self, plain(duration.optionText)).value == duration)
        }
        #expect(Duration.seconds(90).optionText == "90s")
        #expect(Duration.seconds(86_400).optionText == "1d")
    }

    @Test(arguments: ["soon", "", "1 m", "-1s", "1.5s", "1m30s", "s", "1S", "9999999999999999999s"])
    func refuses(_ text: String) {
        #expect(
            read(Duration.self, plain(text)).findings
                == [
                    "`key` must be a duration such as 30s or 1m, not `\(text)` "
                        + "(write a whole number and ms, s, m, h or d)"
                ])
    }

    @Test func boundsWhatItReads() {
        let result = read(Duration.self, plain("99999999999999999d"))
        #expect(
            result.findings == [
                "`key` must be a duration such as 30s or 1m, not `99999999999999999d` (that is too long)"
            ])
    }

    @Test func asksForAUnit() {
        #expect(
            read(Duration.self, plain("30")).findings == [
                "`key` must be a duration such as 30s or 1m, not `30` (add a unit)"
            ])
    }
}
