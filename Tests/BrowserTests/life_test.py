"""Tests what becomes of the page when things go wrong around it, in a real browser with servers of its own.

    python3 Tests/BrowserTests/life_test.py [FOLDER]

With a folder, pictures of the page are put there. The last line is `N passed, N failed`; the exit code is 1 when something
failed.
"""

import base64
import json
import re
import sys

from chromium import Chromium
from server import Proxy, Server
from tally import IS_READY, Tally

TEXTS = "[...document.querySelectorAll('.message .content')].map((node) => node.innerText)"
ANSWERS = "document.querySelectorAll('.message[data-role=assistant][data-state=complete]').length"
BAR = "(document.querySelector('#bar').hidden ? '' : document.querySelector('#bar-text').textContent)"
OPEN = "  - { use: auth, with: { mode: none } }\n  - use: thinking-strip\n  - use: persist"
KEYS = OPEN.replace("none", "api-keys")
LIMITED = OPEN.replace("  - use: thinking", "  - { use: rate-limit, with: { limits: [{ key: [user], requests: 1, per: 1h, burst: 1 }] } }\n  - use: thinking")


class Tests(Tally):
    def __init__(self, browser, pictures):
        super().__init__()
        self.browser, self.pictures = browser, pictures

    def take_pictures(self, page, name):
        if not self.pictures:
            return
        for width, height, scheme in [(1280, 800, "light"), (1280, 800, "dark"), (390, 844, "light"), (390, 844, "dark")]:
            page.resize(width, height, width < 500)
            page.use_colours(scheme)
            page.wait_for(f"innerWidth === {width}")
            # The sidebar of a phone has left the screen.
            page.wait_for("innerWidth > 500 || document.querySelector('#sidebar').getBoundingClientRect().right <= 0")
            data = page.call("Page.captureScreenshot")["data"]
            with open(f"{self.pictures}/{name}-{width}-{scheme}.png", "wb") as file:
                file.write(base64.b64decode(data))
        page.resize(1280, 800)

    @staticmethod
    def send(page, text):
        count = page.evaluate(ANSWERS)
        page.type("#message", text)
        page.press("Enter", text="\r")
        return count

    def loads_older_messages(self):
        with Server(OPEN) as server:
            server.write_history("demo", "agent:demo:long", 130)
            page = self.browser.open_page(server.address)
            page.wait_for("document.querySelector('.session')")
            page.evaluate("document.querySelector('.session').click()")
            page.wait_for(f"{TEXTS}.at(-1) === 'Message 130'")
            for _ in range(3):
                if page.evaluate(f"{TEXTS}[0] === 'Message 1'"):
                    break
                count = page.evaluate(f"{TEXTS}.length")
                first = page.evaluate(f"{TEXTS}[0]")
                page.evaluate("document.querySelector('#scroller').scrollTop = 0")
                page.wait_for(f"{TEXTS}.length > {count}")
                # What was read is still on the screen, below what came.
                place = f"[...document.querySelectorAll('.message')].find((node) => node.querySelector('.content').innerText === {json.dumps(first)}).getBoundingClientRect()"
                page.wait_for(f"{place}.bottom > 0 && {place}.top < innerHeight")
            assert page.evaluate(TEXTS) == [f"Message {number}" for number in range(1, 131)]
            self.take_pictures(page, "history")

    def comes_back_after_a_restart(self):
        with Server(OPEN) as server:
            page = self.browser.open_page(server.address)
            page.wait_for(IS_READY)
            page.wait_for("document.querySelector('#gateways .dot.on')")
            count = self.send(page, "Hello")
            page.wait_for(f"{ANSWERS} > {count}", timeout=60)
            page.type("#message", "A draft")
            server.stop()
            page.wait_for(f"{BAR}.startsWith('Reconnecting')")
            self.take_pictures(page, "reconnecting")
            server.start()
            page.wait_for(IS_READY, timeout=60)
            page.wait_for("document.querySelector('#gateways .dot.on')")
            assert page.evaluate("document.querySelector('#message').value") == "A draft", "the draft is gone"
            page.wait_for(f"{ANSWERS} === {count + 1}")
            page.press("Enter", text="\r")
            page.wait_for(f"{ANSWERS} > {count + 1}", timeout=60)

    def asks_for_a_key(self):
        with Server(KEYS) as server:
            key = server.run("key", "create", "--user", "ada")
            page = self.browser.open_page(server.address)
            page.wait_for("document.querySelector('#key-dialog').open")
            self.take_pictures(page, "key")
            page.type("#key", "wrong")
            page.press("Enter", text="\r")
            page.wait_for("document.querySelector('#key-problem').textContent.includes('key')")
            page.type("#key", key)
            page.press("Enter", text="\r")
            page.wait_for(f"{IS_READY} && !document.querySelector('#key-dialog').open")
            assert page.evaluate("document.querySelector('#user').textContent") == "ada"
            server.run("key", "revoke", re.match("sluice_([^_]*)_", key)[1])
            page.wait_for("document.querySelector('#key-dialog').open", timeout=60)

    def says_what_went_wrong(self):
        with Server(LIMITED) as server:
            page = self.browser.open_page(server.address)
            page.wait_for(IS_READY)
            page.wait_for("document.querySelector('#gateways .dot.on')")
            count = self.send(page, "Hello")
            page.wait_for(f"{ANSWERS} > {count}", timeout=60)
            self.send(page, "And again")
            page.wait_for("document.querySelector('#wait').textContent === 'Too many messages, wait 60 min'")
            assert page.evaluate("document.querySelector('#message').value") == "And again", "the message is gone"
            self.take_pictures(page, "limit")
        away = 'gateways: [{ id: home, name: Home, url: "ws://127.0.0.1:9" }]'
        with Server(OPEN, away, demo=False) as server:
            page = self.browser.open_page(server.address)
            page.wait_for(IS_READY)
            page.wait_for("/refused|not listen|nobody|no answer|connect/i.test(document.querySelector('#gateways').innerText)")
            self.take_pictures(page, "away")

    def tells_why_it_is_refused(self):
        with Server(OPEN) as server:
            def rename(piece):
                return re.sub(rb"Host: 127\.0\.0\.1:\d+", b"Host: 127.0.0.1:%d" % server.port, piece)
            with Proxy(server.port, rename) as proxy:
                page = self.browser.open_page(f"http://127.0.0.1:{proxy.port}")
                page.wait_for(f"{BAR}.includes('server.allowed-origins')")
                assert f"http://127.0.0.1:{proxy.port}" in page.evaluate(BAR)
                self.take_pictures(page, "refused")

    def tells_of_a_proxy_without_websockets(self):
        with Server(OPEN) as server:
            def strip(piece):
                piece = re.sub(rb"Upgrade: websocket\r\n", b"", piece)
                return re.sub(rb":\d+\r\n", b":%d\r\n" % server.port, piece)
            with Proxy(server.port, strip) as proxy:
                page = self.browser.open_page(f"http://127.0.0.1:{proxy.port}")
                page.wait_for(f"{BAR}.includes('Upgrade and Connection')", timeout=60)

    def run_all(self):
        self.run("loads older messages on the way up", self.loads_older_messages)
        self.run("comes back after a restart", self.comes_back_after_a_restart)
        self.run("asks for a key, and again when it is revoked", self.asks_for_a_key)
        self.run("says what went wrong", self.says_what_went_wrong)
        self.run("tells why it is refused", self.tells_why_it_is_refused)
        self.run("tells of a proxy that passes on no WebSockets", self.tells_of_a_proxy_without_websockets)


def main():
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    with Chromium() as browser:
        tests = Tests(browser, sys.argv[1] if len(sys.argv) == 2 else None)
        tests.run_all()
    tests.exit()


if __name__ == "__main__":
    main()
