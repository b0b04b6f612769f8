import MiddlewareTesting
import Testing

@Suite struct DeltaSplitterTests {
    @Test(arguments: ["", "a", "abcdefghij", "e\u{301} 👩‍👩‍👧\r\n x", String(repeating: "ä\r\n", count: 500)])
    func thePiecesJoinedAreTheText(text: String) {
        for pieces in DeltaSplitter.splits(of: text) {
            #expect(pieces.joined().utf8.elementsEqual(text.utf8))
            #expect(text.isEmpty || !pieces.contains(""))
        }
    }

    @Test func aShortTextIsCutInEveryWay() {
        #expect(Set(DeltaSplitter.splits(of: "abc")) == [["abc"], ["a", "bc"], ["ab", "c"], ["a", "b", "c"]])
        let ten = DeltaSplitter.splits(of: "abcdefghij")
        #expect(ten.count == 512)
        #expect(Set(ten).count == 512)
    }

    @Test func aLongerTextIsCutInTwoEverywhere() {
        let splits = DeltaSplitter.splits(of: "abcdefghijkl", random: 3)
        #expect(splits.count == 1 + 11 + 1 + 3)
        #expect(splits[0] == ["abcdefghijkl"])
        #expect(splits.filter { $0.count == 2 }.count >= 11)
        #expect(splits.contains("abcdefghijkl".map { String($0) }))
    }

    @Test func aVeryLongTextIsNotCutTooOften() {
        #expect(DeltaSplitter.splits(of: String(repeating: "word ", count: 2000), random: 5).count <= 207)
    }

    @Test func theSameSeedCutsInTheSamePlaces() {
        let text = String(repeating: "word ", count: 20)
        #expect(DeltaSplitter.splits(of: text, seed: 7) == DeltaSplitter.splits(of: text, seed: 7))
        #expect(DeltaSplitter.splits(of: text, seed: 7) != DeltaSplitter.splits(of: text, seed: 8))
    }
}
