"""The gate before publishing: a package of ours that breaks a MUST goes nowhere.

Belongs here: what was planned beside what came out, and the list of files to upload. Doesn't belong here: rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telecine.errors import ErrorCode, SystemFault
from telecine.stream.verify import agreement
from telecine.stream.verify.check import Verification, verify
from telecine.stream.verify.measure import Session
from telecine.stream.verify.place import Directory
from telecine.stream.verify.report import Notebook, Report
from telecine.stream.verify.rules import BY_ID, Protocol, rules_of

_LENGTH_S = 0.1  # a stream may differ from its plan by this: two AAC frames and rounding
_OTHERS = {"APPLE-9.9"}  # how many rungs there are is decided by the source
_PLAYLISTS = (".m3u8", ".mpd")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a package was planned to hold.

    Attributes:
        pictures: rungs; 0 for sound alone.
        sounds: renditions of sound: languages times codecs and bit rates.
        texts: subtitle tracks.
    """

    duration_s: float
    pictures: int
    sounds: int
    texts: int = 0


@dataclass(frozen=True, slots=True)
class Passed:
    """One side of a package that may be published.

    Attributes:
        entry: its entry file.
        files: all of its files, relative to its directory, in the order of uploading: media, playlists, the entry.
        report: every rule.
    """

    entry: str
    files: tuple[str, ...]
    report: Report

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about rules that should be kept and aren't."""
        return tuple(f"The streams don't keep {line}." for line in self.report.failed())

    def to_dict(self) -> dict[str, Any]:
        """What the checks of the asset show: how many rules came out how, and the broken ones."""
        return {**self.report.counts(), "broken": [str(line) for line in self.report.failed()]}


class Gate:
    """Checks the sides of one package on disk, each for itself; what both share is read once.

    Args:
        keys: AES-128 keys by their URIs, so that what is encrypted whole is looked into like anything else.
    """

    def __init__(self, directory: Path, expected: Expected, keys: Mapping[str, bytes] | None = None) -> None:
        self._session, self._expected = Session(Directory(directory), keys=keys or {}), expected
        self._passed: list[Verification] = []

    def check(self, entry: str) -> Passed:
        """Check one protocol's side; one that comes second must also agree with the first.

        Args:
            entry: the multivariant playlist or MPD, relative to the directory.

        Raises:
            SystemFault: VERIFY_FAILED, naming rule and file of each fault.
        """
        protocol: Protocol = "dash" if entry.endswith(".mpd") else "hls"
        notes = Notebook()
        self._session.used.clear()
        found = verify(self._session, {protocol: entry}, notes)
        files = _in_upload_order(tuple(self._session.used), entry)
        _check_plan(notes, entry, self._expected, found)
        rules = (BY_ID["TC-PLAN"], *(rule for rule in rules_of({protocol}) if rule.id not in _OTHERS))
        for other in self._passed:
            hls, dash = found.hls or other.hls, found.dash or other.dash
            if hls is not None and dash is not None:
                agreement.check(notes, hls, dash)
                rules = (*rules, BY_ID["TC-AGREE"])
        report = notes.report(rules)
        if broken := [line for line in report.failed() if line.rule.gates]:
            raise SystemFault(
                ErrorCode.VERIFY_FAILED,
                f"the {protocol.upper()} stream breaks {broken[0]}",
                "\n".join(str(line) for line in broken),
            )
        self._passed.append(found)
        return Passed(entry, files, report)


def _check_plan(notes: Notebook, entry: str, expected: Expected, found: Verification) -> None:
    if found.hls is not None:
        kinds = found.hls.pictures(), found.hls.sounds(), found.hls.texts()
    elif found.dash is not None:
        kinds = found.dash.of("video"), found.dash.of("audio"), found.dash.of("text")
    else:
        return  # said already: it can't be read
    planned = expected.pictures, expected.sounds, expected.texts
    made = tuple(len(kind) for kind in kinds)
    notes.check("TC-PLAN", made == planned, entry, _counted(made), _counted(planned))
    for rendition in (*kinds[0], *kinds[1]):
        good = abs(rendition.declared_s - expected.duration_s) <= _LENGTH_S
        notes.check(
            "TC-PLAN", good, rendition.name, f"{rendition.declared_s:.3f} s", f"{expected.duration_s:.3f} s planned"
        )


def _counted(kinds: Sequence[int]) -> str:
    return "{} pictures, {} sounds, {} subtitles".format(*kinds)


def _in_upload_order(used: Sequence[str], entry: str) -> tuple[str, ...]:
    """Media first, then playlists, the entry last: whoever reads an entry finds all it leads to."""
    playlists = [name for name in used if name.endswith(_PLAYLISTS) and name != entry]
    return (*(name for name in used if not name.endswith(_PLAYLISTS)), *playlists, entry)
