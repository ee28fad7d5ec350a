"""The verifier: reads a finished HLS or DASH package, whoever made it, and says rule by rule whether it is right.

It shares no reader and no state with what writes packages, so that a fault of the writer can't hide in it. `Gate` is
what a package passes before it is published; `telecine verify` (telecine/cli/verify.py) prints the whole report.
"""

from telecine.stream.verify.check import Verification, verify
from telecine.stream.verify.gate import Expected, Gate, Passed
from telecine.stream.verify.measure import Session
from telecine.stream.verify.place import Directory
from telecine.stream.verify.report import Line, Report, Verdict
from telecine.stream.verify.rules import RULES, Level, Rule

__all__ = [
    "RULES",
    "Directory",
    "Expected",
    "Gate",
    "Level",
    "Line",
    "Passed",
    "Report",
    "Rule",
    "Session",
    "Verdict",
    "Verification",
    "verify",
]
