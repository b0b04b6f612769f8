import JSON
import Testing

@testable import OpenClawTesting

struct ShapeTests {
    private let shape = Shape.object([
        Shape.required("name", .nonEmptyText),
        Shape.optional("count", .integer(1...3)),
        Shape.optional("isOn", .boolean),
        Shape.optional("inner", .object([Shape.optional("words", .array(.oneOf(["a", "b"])))])),
    ])

    @Test func whatFitsHasNoProblems() throws {
        let value: JSONValue = ["name": "x", "count": 3, "isOn": false, "inner": ["words": ["a", "b"]]]
        #expect(shape.problems(in: value) == [])
    }

    @Test func problemsAreInTheGatewaysWords() throws {
        let expected: [(JSONValue, String)] = [
            ([:], "at root: must have required property 'name'"),
            (["name": ""], "at /name: must NOT have fewer than 1 characters"),
            (["name": nil], "at /name: must be string"),
            (["name": "x", "more": 1], "at root: unexpected property 'more'"),
            (["name": "x", "count": nil], "at /count: must be integer"),
            (["name": "x", "count": 0], "at /count: must be >= 1"),
            (["name": "x", "count": 4], "at /count: must be <= 3"),
            (["name": "x", "count": 1.5], "at /count: must be integer"),
            (["name": "x", "isOn": "yes"], "at /isOn: must be boolean"),
            (
                ["name": "x", "inner": ["words": ["c"]]],
                "at /inner/words/0: must be equal to one of the allowed values"
            ),
            (["name": "x", "inner": ["more": 1]], "at /inner: unexpected property 'more'"),
            ("text", "at root: must be object"),
        ]
        for (value, problem) in expected { #expect(shape.problems(in: value) == [problem]) }
    }
}
