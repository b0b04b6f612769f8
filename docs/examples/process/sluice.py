"""Write a stage of Sluice in Python: a program that gets messages as JSON lines and answers them.

    import sluice

    stage = sluice.Stage()

    @stage.inbound("chat")
    def check(message):
        if len(message["text"]) > 2000:
            return sluice.reject("too_long", "Please keep messages short.")
        return sluice.replace(message["text"].strip())

    stage.run()

A function that raises an exception fails for that message only: `on-error` of the stage says what becomes of it, and the traceback
is in Sluice's log. Print nothing to standard output, which belongs to the protocol; what goes to standard error is in the log.

`run` returns when Sluice is done with the program: what stands below it has two seconds. Needs Python 3.8 or newer, and nothing else.
"""

import json
import signal
import sys
import threading
import traceback

PROTOCOL = 1


def accept():
    """The message goes on as it is."""
    return {"verdict": "pass"}


def replace(text):
    """The message goes on with another text."""
    return {"verdict": "replace", "text": _text(text)}


def reject(code, message):
    """The sender gets an error: a word for programs, and a sentence for the person."""
    return {"verdict": "reject", "code": _text(code), "message": _text(message)}


def annotate(**notes):
    """The message goes on, with notes for the log and for stages below."""
    return {"verdict": "annotate", "notes": {name: str(note) for name, note in notes.items()}}


class _Ended(BaseException):
    """Sluice asks the program to end. No `except Exception` of a stage takes it."""


def _text(value):
    if not isinstance(value, str):
        raise TypeError(f"this must be a str, not {type(value).__name__}")
    return value


class Stage:
    """The functions of a stage, and the loop that calls them, one message after the other."""

    def __init__(self):
        self.settings = {}
        self.name = ""
        self._inbound = {}
        self._outbound = {}
        self._reply = None

    def inbound(self, *kinds):
        """For messages of these kinds from browsers. The function gets a dictionary and returns a verdict."""
        return lambda function: self._register(self._inbound, kinds or ("chat",), function)

    def outbound(self, *kinds):
        """For events of these kinds from gateways: final, aborted, error, status."""
        return lambda function: self._register(self._outbound, kinds or ("final",), function)

    def reply(self, function):
        """For the text of replies while they stream.

        The function gets a dictionary with the next `text`, and whether there is no more. It returns what to show and what to
        keep: what is kept comes again before the next piece. However a reply is cut into pieces, the same text must come out.
        """
        self._reply = function
        return function

    @staticmethod
    def _register(table, kinds, function):
        for kind in kinds:
            table[kind] = function
        return function

    def run(self, source=None, sink=None):
        """Answers until Sluice closes standard input, or sends SIGTERM."""
        serving = True

        def end(*_):
            # What stands below `run` is not interrupted.
            if serving:
                raise _Ended

        try:
            # A handler of the stage's own is left alone, and another thread than the first can set none.
            is_first = threading.current_thread() is threading.main_thread()
            if is_first and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, end)
            self._serve(source or sys.stdin.buffer, sink or sys.stdout.buffer)
            serving = False
        except _Ended:
            serving = False

    def _serve(self, source, sink):
        greeting = json.loads(source.readline() or b"{}")
        if greeting.get("type") != "hello":
            raise SystemExit("this is a stage of Sluice: name it in config.yaml, below `use: process`")
        self.name, self.settings = greeting["stage"], greeting["settings"]
        handles = {"inbound": list(self._inbound), "outbound": list(self._outbound), "reply": self._reply is not None}
        self._write(sink, {"protocol": PROTOCOL, "handles": handles})
        for line in source:
            question = json.loads(line)
            try:
                answer = self._answer(question)
            except Exception as error:  # Whatever a function raises is about this message only.
                traceback.print_exc()
                answer = {"error": type(error).__name__}
            self._write(sink, {"id": question["id"], **answer})

    def _answer(self, question):
        if question["type"] == "reply":
            shown, kept = self._reply(question["message"], question["end"])
            return {"text": _text(shown), "keep": _text(kept)}
        table = self._inbound if question["type"] == "inbound" else self._outbound
        message = question["message"]
        function = table.get(message["kind"])
        verdict = (function(message) if function else None) or accept()
        if not isinstance(verdict, dict) or "verdict" not in verdict:
            raise TypeError("a function must return accept(), replace(…), reject(…), annotate(…) or nothing")
        return verdict

    @staticmethod
    def _write(sink, value):
        sink.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
        sink.flush()
