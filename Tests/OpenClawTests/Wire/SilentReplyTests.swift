import Testing

@testable import OpenClaw

@Suite struct SilentReplyTests {
    @Test(arguments: ["NO_REPLY", "no_reply", " \n No_Reply\t", "ANNOUNCE_SKIP", "reply_skip "])
    func tokensAreTokensInAnyCase(_ text: String) {
        #expect(SilentReply.isToken(text))
    }

    @Test(arguments: ["", "NO", "NO_REPLY.", "NO_REPLY NO_REPLY", String(repeating: "no_reply", count: 10_000)])
    func anythingElseIsText(_ text: String) {
        #expect(!SilentReply.isToken(text))
    }

    @Test func whiteSpaceAroundATokenMayBeLong() {
        let space = String(repeating: " ", count: 1_000)
        #expect(SilentReply.isToken(space + "NO_REPLY" + space))
    }
}
