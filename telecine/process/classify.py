"""From an exit code and the last words on stderr to an error of ours.

Belongs here: signals and message patterns of ffmpeg, ffprobe and Shaka Packager. The order is the order of certainty:
a full disk explains every other complaint, a signal explains silence, and only then the file is blamed.
"""

from __future__ import annotations

import re
import signal

from telecine.errors import ConfigurationError, ErrorCode, InputError, ResourceError, SystemFault, TelecineError
from telecine.process.launcher import NOT_EXECUTABLE, NOT_FOUND

_Rule = tuple[re.Pattern[str], type[TelecineError], ErrorCode, str]


def _rule(pattern: str, kind: type[TelecineError], code: ErrorCode, sentence: str) -> _Rule:
    return re.compile(pattern, re.IGNORECASE), kind, code, sentence


_RESOURCE: tuple[_Rule, ...] = (
    _rule(
        r"No space left on device|Disk quota exceeded",
        ResourceError,
        ErrorCode.DISK_FULL,
        "the scratch disk filled up while {program} was writing",
    ),
    _rule(
        r"Cannot allocate memory|std::bad_alloc|Out of memory|malloc of size \d+ failed|x264 \[error\]: malloc",
        ResourceError,
        ErrorCode.OUT_OF_MEMORY,
        "{program} needed more memory than its limit allows",
    ),
    _rule(r"File too large", ResourceError, ErrorCode.LIMIT_EXCEEDED, "{program} wrote a file larger than its limit"),
)
_SETUP: tuple[_Rule, ...] = (
    _rule(
        r"Unknown (en|de)coder|No such filter|Unrecognized option|Option not found|"
        r"error while loading shared libraries",
        ConfigurationError,
        ErrorCode.TOOL_MISSING,
        "this {program} lacks a part that Telecine needs; `telecine doctor` names it",
    ),
)
_INPUT: tuple[_Rule, ...] = (
    _rule(
        r"moov atom not found",
        InputError,
        ErrorCode.TRUNCATED_MEDIA,
        "the file ends before its index (the moov box): the upload or recording was cut off",
    ),
    _rule(
        r"(Format|Protocol)( '[^']*')? not on whitelist|m3u8/hls",
        InputError,
        ErrorCode.UNSUPPORTED_MEDIA,
        "the file is a playlist or a container that Telecine doesn't open",
    ),
    _rule(
        r"Codec \(.*not on whitelist|Decoding requested, but no decoder found",
        InputError,
        ErrorCode.UNSUPPORTED_MEDIA,
        "the file holds a codec that Telecine doesn't decode",
    ),
    _rule(
        r"does not contain any stream|matches no streams",
        InputError,
        ErrorCode.NO_MEDIA_STREAMS,
        "the file holds no picture or sound that can be decoded",
    ),
    _rule(
        r"file:\S+: End of file",
        InputError,
        ErrorCode.NO_MEDIA_STREAMS,
        "the file ends after its headers: it holds no sound and no picture",
    ),
    _rule(
        r"Invalid data found when processing input|Error opening input|Error parsing|Cannot determine format of input",
        InputError,
        ErrorCode.CORRUPT_MEDIA,
        "the file starts like a media file but can't be decoded",
    ),
)


def classify(program: str, returncode: int, stderr: str) -> TelecineError:
    """The error for a program that ended with `returncode` (negative: minus the signal's number) and `stderr`."""
    for pattern, kind, code, sentence in _RESOURCE:
        if pattern.search(stderr):
            return kind(code, sentence.format(program=program), stderr)
    if returncode < 0:
        return _by_signal(program, -returncode, stderr)
    if returncode in (NOT_FOUND, NOT_EXECUTABLE) and "launcher: " in stderr:
        return ConfigurationError(ErrorCode.TOOL_MISSING, f"{program} can't be started; run `telecine doctor`", stderr)
    for pattern, kind, code, sentence in (*_SETUP, *_INPUT):
        if pattern.search(stderr):
            return kind(code, sentence.format(program=program), stderr)
    return SystemFault(ErrorCode.ENCODE_FAILED, f"{program} stopped with exit code {returncode}", stderr)


def _by_signal(program: str, number: int, stderr: str) -> TelecineError:
    if number == signal.SIGKILL:  # nobody here sends it without saying so: the kernel's OOM killer does
        return ResourceError(
            ErrorCode.OUT_OF_MEMORY, f"{program} was killed by the system, most likely for lack of memory", stderr
        )
    if number == signal.SIGXCPU:
        return ResourceError(ErrorCode.TIMED_OUT, f"{program} used more processor time than its limit", stderr)
    if number == signal.SIGXFSZ:
        return ResourceError(ErrorCode.LIMIT_EXCEEDED, f"{program} wrote a file larger than its limit", stderr)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    verb = (
        "crashed"
        if number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
        else ("was stopped from outside")
    )
    return SystemFault(ErrorCode.ENCODE_FAILED, f"{program} {verb} ({name})", stderr)
