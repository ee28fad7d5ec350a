"""From stderr to a decision: the patterns that matter, as the programs really write them."""

from __future__ import annotations

import pytest

from telecine.errors import ErrorCode, Retry
from telecine.process.classify import classify


@pytest.mark.parametrize(
    ("returncode", "stderr", "code", "retry"),
    [
        (1, "[mov,mp4 @ 0x1] moov atom not found\nx: Invalid data found", ErrorCode.TRUNCATED_MEDIA, Retry.NEVER),
        (1, "x: Invalid data found when processing input", ErrorCode.CORRUPT_MEDIA, Retry.NEVER),
        (183, "[hls @ 0x1] Format not on whitelist 'mov,mp4'", ErrorCode.UNSUPPORTED_MEDIA, Retry.NEVER),
        (1, "Not detecting m3u8/hls with non standard extension", ErrorCode.UNSUPPORTED_MEDIA, Retry.NEVER),
        (1, "[x] Codec (vmnc) not on whitelist 'h264'", ErrorCode.UNSUPPORTED_MEDIA, Retry.NEVER),
        (1, "Output file does not contain any stream", ErrorCode.NO_MEDIA_STREAMS, Retry.NEVER),
        (228, "av_interleaved_write_frame(): No space left on device", ErrorCode.DISK_FULL, Retry.LATER),
        (1, "x264 [error]: malloc of size 99 failed", ErrorCode.OUT_OF_MEMORY, Retry.LATER),
        (8, "Unknown encoder 'libx264'", ErrorCode.TOOL_MISSING, Retry.NEVER),
        (-9, "", ErrorCode.OUT_OF_MEMORY, Retry.LATER),
        (-24, "", ErrorCode.TIMED_OUT, Retry.LATER),
        (-11, "", ErrorCode.ENCODE_FAILED, Retry.LATER),
        (3, "something new", ErrorCode.ENCODE_FAILED, Retry.LATER),
    ],
)
def test_each_failure_has_a_code_and_a_decision(returncode: int, stderr: str, code: ErrorCode, retry: Retry) -> None:
    error = classify("ffmpeg", returncode, stderr)
    assert (error.code, error.retry) == (code, retry)
    assert error.details == stderr
    assert error.message


def test_a_full_disk_is_not_blamed_on_the_file() -> None:
    error = classify(
        "ffmpeg", 1, "Error writing trailer: No space left on device\nInvalid data found when processing input"
    )
    assert error.code is ErrorCode.DISK_FULL
