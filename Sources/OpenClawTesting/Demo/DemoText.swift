/// The texts of the demo assistant, in Markdown.
enum DemoText {
    static let greeting = """
        Hello! I am the demo assistant behind your Sluice server. No model is connected: my answers are scripted, so \
        that you can try everything at once.

        Say **help** to see what I can show you.
        """

    static let greetingAgain = "Hello again! Say **help** to see what else I can show you."

    static let help = """
        Here is what you can ask me:

        - **sluice**: what this server is
        - **chain**: how a message travels through the stages
        - **config**: what `config.yaml` looks like
        - **gateway**: how to talk to a real OpenClaw gateway
        - **stage** and **plugin**: how to add behaviour of your own
        - **history** and **api**: where messages are kept, and how programs get at them

        And to see how replies look:

        - **markdown**, **code** or **table**: formatting
        - **think**: hidden reasoning before the answer
        - **long**: an answer that you can stop half-way
        - **fail**: a model error
        - **approval**: a command that somebody must allow first

        Everything else I repeat.
        """

    static let beforeApproval = "I would like to run `uptime` on this machine, and ask whether I may. "

    static let afterApproval = "I am only a demo, so nothing was run."

    static let sluice = """
        Sluice is a chat server that stands between browsers and OpenClaw agent gateways. Every message, in both \
        directions, passes through a chain of stages that `config.yaml` describes.

        It is one process, written in Swift, and keeps its history in SQLite. This page came from it, and I am a demo \
        gateway that it started beside itself.
        """

    static let chain = """
        A message meets the stages **in list order, in both directions**. With the usual list that is:

        1. `auth` decides who you are
        2. `rate-limit` holds back those who send too much
        3. `thinking-strip` removes hidden reasoning from replies
        4. `persist` stores the message

        So a message that is refused is never stored, and what is stored is already stripped. Replies go the same way, \
        top to bottom: there is no reversed way back.
        """

    static let config = """
        The whole server is described by `config.yaml`:

        ```yaml
        server: { host: 127.0.0.1, port: 8080 }
        storage: { path: ./data/sluice.db }
        gateways:
          - { id: home, name: Home, url: "ws://127.0.0.1:18789", token: "${OPENCLAW_TOKEN}" }
        pipeline:
          - use: auth
            with: { mode: none }
          - use: rate-limit
            with: { limits: [ { key: [user], requests: 30, per: 1m, burst: 10 } ] }
          - use: thinking-strip
          - use: persist
        ```

        Mistakes are reported with file, line and column before the server starts.
        """

    static let gateway = """
        To talk to a real OpenClaw gateway instead of me, name it in `config.yaml`:

        ```yaml
        gateways:
          - { id: home, name: Home, url: "ws://127.0.0.1:18789", token: "${OPENCLAW_TOKEN}" }
        ```

        Set `OPENCLAW_TOKEN` in the environment and start Sluice again. A gateway on another machine may ask you to \
        approve this server first: run `openclaw devices list` there, then `openclaw devices approve` with the \
        request's id.
        """

    static let stage = """
        A stage is one line in the `pipeline` list of `config.yaml`:

        ```yaml
        pipeline:
          - use: auth
          - use: rate-limit
          - use: thinking-strip
          - use: persist
        ```

        Those four come with Sluice. For behaviour of your own, put a folder with Swift files into `Plugins/`, add \
        its kind to the list where it belongs, and start again. Say **plugin** for more.
        """

    static let plugin = """
        A plugin is a stage that you write yourself. Put a folder with Swift files into `Plugins/`; it is compiled \
        into the server the next time it is built. It imports one module:

        ```swift
        import MiddlewareKit
        ```

        Then name its kind in `config.yaml`, at the place in the list where it should run.
        """

    static let history = """
        The `persist` stage keeps every message in SQLite, in the file that `storage: { path: ... }` names. Your own \
        message is stored before it is sent on, and a reply before you see it as finished.

        > Reload this page: our conversation is still here.
        """

    static let api = """
        Everything that this page does, a program can do as well:

        - the WebSocket at `/ws` sends and receives chat messages, one JSON object in each frame
        - the HTTP API reads sessions and their messages

        Both go through the same chain of stages as this page.
        """

    static let markdown = """
        # A heading

        Text can be **bold**, *italic* or `code`, and a [link](https://example.com) is a link.

        ## A list

        1. First
        2. Second
           - with a detail

        ## A table

        | Stage | What it does |
        |---|---|
        | `auth` | decides who you are |
        | `persist` | stores the message |

        ## Code

        ```swift
        let greeting = "Hello, Sluice"
        print(greeting)
        ```

        > A quote closes this little show.
        """

    static let code = """
        A few lines of Swift:

        ```swift
        func sum(_ numbers: [Int]) -> Int {
            numbers.reduce(0, +)
        }

        print(sum([1, 2, 3]))  // 6
        ```
        """

    static let table = """
        | Stage | Browser to gateway | Gateway to browser |
        |---|---|---|
        | `auth` | checks who sends | lets through |
        | `rate-limit` | counts and refuses | lets through |
        | `thinking-strip` | lets through | removes hidden reasoning |
        | `persist` | stores your message | stores the reply |
        """

    static let afterThinking = """
        I thought about it first, between tags that only show when the `thinking-strip` stage is missing. If you read \
        nothing but this, the stage works.
        """

    static let long =
        "This is a long answer. Press the stop button whenever you have seen enough.\n\n"
        + (1...60).map { number in
            "\(number). Each of these lines arrives in small pieces, and each piece passes through the whole chain."
        }
        .joined(separator: "\n")
        + "\n\nThat was all of it. You are patient!"

    static func echo(_ message: String, earlierMessages: Int) -> String {
        let quote = message.split(separator: "\n", omittingEmptySubsequences: false).map { "> \($0)" }
            .joined(separator: "\n")
        let before =
            switch earlierMessages {
            case 0: "This is the first message of our conversation."
            case 1: "There was one message before this one."
            default: "There were \(earlierMessages) messages before this one."
            }
        return """
            You wrote:

            \(quote)

            \(before) I am only a demo, so I cannot say much about it; a real agent would. Say **help** to see what I \
            know.
            """
    }
}
