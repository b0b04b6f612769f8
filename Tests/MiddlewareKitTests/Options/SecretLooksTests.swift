import MiddlewareKit
import Testing

@Suite struct SecretLooksTests {
    @Test(arguments: [
        ("api-key", true), ("X_API_KEY", true), ("Authorization", true), ("client-credentials", true), ("key", false),
        ("monkey", false), ("url", false),
    ])
    func someKeysTell(key: String, isSecret: Bool) {
        #expect(SecretLooks.isSecretKey(key) == isSecret)
        #expect(SecretLooks.mayBeSecretKey(key) == (isSecret || key == "key"))
    }

    @Test(arguments: [
        ("stage.py", "stage.py"), ("token-counter.py", "token-counter.py"), ("--token=x", "--token=<redacted>"),
        ("--max-tokens=500", "--max-tokens=500"), ("API_KEY=x y", "API_KEY=<redacted>"),
        ("prog --password x", "prog --password <redacted>"), ("Authorization: Bearer x", "Authorization: <redacted>"),
        ("Bearer x", "Bearer <redacted>"), ("https://a/?x=1", "<redacted>"), ("ws://u:p@a", "<redacted>"),
        ("Tell no secret to others", "Tell no secret to others"), ("token == x", "token == x"),
    ])
    func valuesAreMasked(text: String, masked: String) { #expect(SecretLooks.masked(text) == masked) }

    @Test func anArgumentMayBeTheValueOfTheOneAbove() {
        #expect(
            SecretLooks.masked(["prog", "--token", "x", "--verbose", "--key", "--other", "--max-tokens", "5"])
                == ["prog", "--token", "<redacted>", "--verbose", "--key", "--other", "--max-tokens", "5"])
    }

    @Test func listsAndMappingsAreShownWithout() {
        #expect(["a", "--token", "x"].shownText(from: nil) == "[a, \"--token\", \"<redacted>\"]")
        #expect(["api-key": "x", "size": "5"].shownText(from: nil) == "{ api-key: <redacted>, size: 5 }")
        #expect([String: String]().shownText(from: nil) == "{}" && [String]().shownText(from: nil) == "[]")
    }
}
