"""Tests the page of a running Sluice, with its demo gateway, in a real browser.

    python3 Tests/BrowserTests/page_test.py http://127.0.0.1:8080 [ACCESS-KEY]

The last line is `N passed, N failed`; the exit code is 1 when something failed. Needs Chromium and nothing else.
"""

import json
import sys

from chromium import Chromium
from tally import IS_READY, Tally

ANSWERS = "[...document.querySelectorAll('.message[data-role=assistant]')]"
LAST_TEXT = f"({ANSWERS}.at(-1)?.querySelector('.content').innerText ?? '')"
LAST_STATE = f"({ANSWERS}.at(-1)?.dataset.state ?? '')"
QUESTION, THOUGHT = "Show me some Markdown", "Please think about the sea"

# Runs before anything else in the page: notes every text that an answer has had, and whether a thinking tag ever showed.
WATCH = """
  window.seenTexts = []; window.sawThinking = false;
  new MutationObserver(() => {
    const text = document.querySelector('#messages')?.textContent ?? '';
    const answer = [...document.querySelectorAll('.message[data-role=assistant] .content')].at(-1)?.textContent ?? '';
    if (answer && answer !== window.seenTexts.at(-1)) window.seenTexts.push(answer);
    if (/<\\/?think/i.test(text)) window.sawThinking = true;
  }).observe(document, { subtree: true, childList: true, characterData: true });
"""


class Tests(Tally):
    """The tests, in the order in which a user meets the page."""

    def __init__(self, page):
        super().__init__()
        self.page = page

    def send(self, text):
        count = self.page.evaluate(f"window.seenTexts = [], {ANSWERS}.length")
        self.page.type("#message", text)
        self.page.press("Enter", text="\r")
        self.page.wait_for(f"{ANSWERS}.length > {count}")

    def becomes_ready(self):
        self.page.wait_for(IS_READY)
        self.page.wait_for("document.querySelector('#gateways .dot.on')")

    def streams_an_answer(self):
        self.send(QUESTION)
        self.page.wait_for(f"{LAST_STATE} === 'complete'", timeout=60)
        texts = self.page.evaluate("window.seenTexts")
        assert len(set(texts)) >= 2, f"the answer showed {len(set(texts))} different texts; it did not stream"
        grows = sum(len(after) > len(before) for before, after in zip(texts, texts[1:]))
        assert grows >= 1, "the text never grew"
        assert self.page.evaluate("document.querySelector('#stop').hidden"), "the stop button is still there"

    def renders_markdown(self):
        kinds = "document.querySelectorAll('.content :is(ul, ol, table, pre, h1, h2, h3, strong)').length"
        assert self.page.evaluate(kinds) > 0, "no Markdown was rendered"

    def hides_thinking(self):
        self.send(THOUGHT)
        self.page.wait_for(f"{LAST_STATE} === 'complete'", timeout=60)
        assert self.page.evaluate(f"{LAST_TEXT}.trim()"), "the answer is empty"
        assert not self.page.evaluate("window.sawThinking"), "a thinking tag was shown"

    def keeps_history(self):
        before = self.page.evaluate(f"{ANSWERS}.map((node) => node.querySelector('.content').innerText)")
        self.page.evaluate("window.isOld = true")
        self.page.call("Page.reload")
        self.page.wait_for(f"!window.isOld && {IS_READY}")
        for text in [QUESTION, THOUGHT]:
            quoted = json.dumps(text)
            self.page.wait_for(
                f"[...document.querySelectorAll('.message[data-role=user] .content')].some((node) => node.innerText === {quoted})")
        self.page.wait_for(f"{ANSWERS}.length === {len(before)}")
        self.page.wait_for(
            f"JSON.stringify({ANSWERS}.map((node) => node.querySelector('.content').innerText)) === {json.dumps(json.dumps(before, ensure_ascii=False, separators=(',', ':')))}")
        assert not self.page.evaluate("window.sawThinking"), "a thinking tag was shown"

    def lists_the_conversation(self):
        self.page.wait_for("document.querySelector('.session[aria-current=page]')")

    def stops_an_answer(self):
        self.send(QUESTION)
        self.page.wait_for(f"{LAST_STATE} === 'streaming' || {LAST_STATE} === 'complete'")
        self.page.press("Escape")
        # A short answer may be complete before the key is pressed: both are right, an answer that goes on is not.
        self.page.wait_for(f"['aborted', 'complete'].includes({LAST_STATE})")

    def fits(self, width, height, scheme, is_phone=False):
        self.page.resize(width, height, is_phone)
        self.page.use_colours(scheme)
        # Long answers hold code and tables: they scroll by themselves, the page never does.
        overflow = """(() => {
          const wide = [document.documentElement, document.querySelector('#scroller')].filter((node) => node.scrollWidth > node.clientWidth);
          return wide.map((node) => `${node.tagName}: ${node.scrollWidth} > ${node.clientWidth}`).join();
        })()"""
        self.page.wait_for(f"innerWidth === {width}")
        problem = self.page.evaluate(overflow)
        assert not problem, f"wider than the window: {problem}"
        colour = self.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
        assert (sum(colour) < 200) == (scheme == "dark"), f"the {scheme} page has the colour {colour}"

    def opens_the_drawer(self):
        self.page.resize(390, 844, is_phone=True)
        box = "document.querySelector('#sidebar').getBoundingClientRect()"
        self.page.wait_for(f"{box}.right <= 0")
        self.page.evaluate("document.querySelector('#open-drawer').click()")
        self.page.wait_for(f"{box}.left === 0")
        self.page.press("Escape")
        self.page.wait_for(f"{box}.right <= 0")

    def shows_figures(self):
        self.page.resize(1280, 800)
        self.page.wait_for("!document.querySelector('#open-figures').hidden")
        self.page.evaluate("document.querySelector('#open-figures').click()")
        self.page.wait_for("parseFloat(document.querySelector('#figure-rate').textContent) > 0")
        self.page.wait_for("document.querySelector('#figure-first').textContent.endsWith('s')")
        self.page.wait_for("document.querySelectorAll('#figure-chart rect').length >= 118")
        self.page.wait_for("document.querySelector('#figure-agents .agent progress')?.value > 0")
        for width, scheme in [(1280, "light"), (390, "dark"), (320, "light")]:
            self.page.resize(width, 800, width < 500)
            self.page.use_colours(scheme)
            self.page.wait_for(f"innerWidth === {width}")
            box = "document.querySelector('#figures').getBoundingClientRect()"
            assert self.page.evaluate(f"{box}.left >= 0 && {box}.right <= {width}"), f"does not fit in {width}"
        assert self.page.evaluate("document.querySelector('#figure-problem').hidden"), "a problem is shown"
        self.page.evaluate("document.querySelector('#close-figures').click()")
        assert not self.page.evaluate("document.querySelector('#figures').open"), "the figures are still there"

    def asks_for_approval(self):
        frame = {"gateway": "demo", "approvalId": "a1", "agent": "demo", "command": "rm -r <b>x</b>", "folder": "/srv"}
        show = "receivers.approval(%s)"
        self.page.evaluate(show % json.dumps({**frame, "state": "requested"}))
        text = self.page.evaluate("document.querySelector('#approvals').innerText")
        assert "demo wants to run in /srv" in text and "rm -r <b>x</b>" in text, text
        buttons = self.page.evaluate("[...document.querySelectorAll('#approvals button')].map((b) => b.textContent)")
        assert buttons == ["Allow once", "Always allow", "Deny"], buttons
        self.page.evaluate(show % json.dumps({**frame, "state": "deny"}))
        assert self.page.evaluate("document.querySelector('#approvals').innerText") == ""

    def writes_no_errors(self):
        assert not self.page.errors, "; ".join(self.page.errors)

    def run_all(self):
        self.run("connects and shows its gateway", self.becomes_ready)
        self.run("streams an answer and ends it", self.streams_an_answer)
        self.run("renders Markdown", self.renders_markdown)
        self.run("never shows thinking", self.hides_thinking)
        self.run("lists the conversation", self.lists_the_conversation)
        self.run("finds the messages again after a reload", self.keeps_history)
        self.run("stops an answer", self.stops_an_answer)
        self.run("fits a desktop, light", lambda: self.fits(1280, 800, "light"))
        self.run("fits a desktop, dark", lambda: self.fits(1280, 800, "dark"))
        self.run("fits a phone, light", lambda: self.fits(390, 844, "light", is_phone=True))
        self.run("fits a phone, dark", lambda: self.fits(390, 844, "dark", is_phone=True))
        self.run("fits a narrow phone", lambda: self.fits(320, 568, "light", is_phone=True))
        self.run("opens and closes the drawer", self.opens_the_drawer)
        self.run("shows the figures", self.shows_figures)
        self.run("asks for approval of commands", self.asks_for_approval)
        self.run("writes no errors to the console", self.writes_no_errors)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    with Chromium() as browser:
        page = browser.open_page("about:blank")
        page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        if len(sys.argv) == 3:
            key = json.dumps(sys.argv[2])
            page.call("Page.addScriptToEvaluateOnNewDocument", source=f"sessionStorage.setItem('sluice.key', {key})")
        page.call("Page.navigate", url=sys.argv[1])
        tests = Tests(page)
        tests.run_all()
    tests.exit()


if __name__ == "__main__":
    main()
