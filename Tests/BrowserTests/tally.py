"""Runs tests of the page one after the other, and counts them."""

import sys

IS_READY = "document.documentElement.dataset.connection === 'ready'"


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def run(self, name, test):
        try:
            test()
        except Exception as problem:  # Whatever went wrong, the other tests still have something to say.
            self.failed += 1
            print(f"FAIL  {name}: {problem}")
        else:
            self.passed += 1
            print(f"ok    {name}")

    def exit(self):
        """Ends the program with a line that counts, and 1 when something failed."""
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
