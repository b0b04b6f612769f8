"""A stage in Python: hides words in replies while they stream, and refuses messages that hold them.

    pipeline:
      - use: process
        name: mask
        with:
          command: [python3, docs/examples/process/mask.py]
          settings: { words: "secret, internal" }
"""

import re

import sluice

stage = sluice.Stage()


def words():
    return {word.strip().lower() for word in stage.settings.get("words", "").split(",") if word.strip()}


@stage.inbound("chat")
def check(message):
    for word in re.findall(r"\w+", message["text"]):
        if word.lower() in words():
            return sluice.reject("word_refused", f"Please do not use the word “{word}” here.")
    return sluice.annotate(length=len(message["text"]))


@stage.reply
def mask(piece, end):
    text = piece["text"]
    # A word at the end may go on in the next piece.
    kept = "" if end else re.search(r"\w{0,100}\Z", text).group()
    shown = text[: len(text) - len(kept)]
    return re.sub(r"\w+", lambda word: "*" * len(word.group()) if word.group().lower() in words() else word.group(), shown), kept


stage.run()
