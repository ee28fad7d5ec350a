"""The error tree: one class per decision a caller has to take.

Belongs here: the classes, the codes, and for each code its cause and remedy (docs/errors.md is printed from them).
Doesn't belong here: deciding when a retry happens (telecine/ledger does, from `Retry`).
"""

from __future__ import annotations

from enum import StrEnum


class Retry(StrEnum):
    """What to do about a failure."""

    NEVER = "never"  # the same input gives the same failure
    NOW = "now"  # transient: a dropped connection, a restarted server
    LATER = "later"  # resource: memory, disk, a time-out under load
    NOT_OURS = "not_ours"  # fenced or canceled: somebody else owns the outcome


class ErrorCode(StrEnum):
    """Stable codes for people and programs; the value is written to the ledger and the manifest of a failure."""

    cause: str
    remedy: str

    def __new__(cls, value: str, cause: str, remedy: str) -> ErrorCode:
        member = str.__new__(cls, value)
        member._value_ = value
        member.cause = cause
        member.remedy = remedy
        return member

    EMPTY_FILE = "EMPTY_FILE", "The file holds no bytes.", "Upload the file again."
    UNSUPPORTED_MEDIA = (
        "UNSUPPORTED_MEDIA",
        "The first bytes of the file match no image, video or audio format that Telecine reads.",
        "Convert the file to a format listed in README.md, or drop it outside the watched prefix.",
    )
    CORRUPT_MEDIA = (
        "CORRUPT_MEDIA",
        "The file starts like a known format but can't be decoded.",
        "Open the file in another program; if it doesn't open there either, export or upload it again.",
    )
    TRUNCATED_MEDIA = (
        "TRUNCATED_MEDIA",
        "The file ends before its last frame or pixel.",
        "The upload was probably cut off: upload the file again.",
    )
    ENCRYPTED_MEDIA = (
        "ENCRYPTED_MEDIA",
        "The samples are encrypted (DRM) and there is no key.",
        "Upload a file without protection.",
    )
    NO_MEDIA_STREAMS = (
        "NO_MEDIA_STREAMS",
        "The container holds no picture or sound that can be decoded.",
        "Check how the file was exported; it holds only empty tracks, subtitles or data.",
    )
    INVALID_CAPTIONS = (
        "INVALID_CAPTIONS",
        "A caption file beside the video can't be read.",
        "Correct the line that the message names, upload the file again and replay the job; or let the recipe say "
        "`captions: optional`.",
    )
    LIMIT_EXCEEDED = (
        "LIMIT_EXCEEDED",
        "The header announces more pixels, memory or time than the limit named in the message allows.",
        "Make the file smaller, or raise the limit when the message names one of the job's (`limits.`).",
    )
    SOURCE_MISSING = (
        "SOURCE_MISSING",
        "The object was deleted before it was read.",
        "Upload it again; a new upload is a new job.",
    )
    SOURCE_CHANGED = (
        "SOURCE_CHANGED",
        "The object was replaced between being listed and being read.",
        "Nothing to do: the new version gets a job of its own.",
    )
    INVALID_REQUEST = (
        "INVALID_REQUEST",
        "What was asked for can't be done: an unknown id, a value out of range, or a state that doesn't allow it.",
        "Correct what the message names; nothing was changed.",
    )
    PACKAGE_UNREADABLE = (
        "PACKAGE_UNREADABLE",
        "What `telecine verify` was given is no HLS or DASH package, isn't there, or its server doesn't answer.",
        "Name a directory, a playlist, an MPD or its URL; open the URL in a browser to see what answers there.",
    )
    IDEMPOTENCY_CONFLICT = (
        "IDEMPOTENCY_CONFLICT",
        "The same idempotency key came with another file, recipe or option.",
        "Use a new key for a new request; send the very same request to get the first answer again.",
    )
    DEADLINE_PASSED = (
        "DEADLINE_PASSED",
        "The job's deadline passed before it was done.",
        "Submit it again with a later deadline, or with a higher priority.",
    )
    ABANDONED = (
        "ABANDONED",
        "Nothing was heard of the job's worker for a day, and nobody was there to take it back.",
        "Replay it: `telecine dead-letters replay JOB_ID`; `telecine doctor` says whether the daemon runs.",
    )
    INVALID_RECIPE = (
        "INVALID_RECIPE",
        "The recipe (or telecine.toml) has an unknown or impossible field.",
        "Correct the field named in the message; docs/recipe.schema.json lists all of them.",
    )
    SECRET_MISSING = (
        "SECRET_MISSING",
        "Protected streams need a secret of the house, and there is none, or another one than when they were made.",
        "Set TELECINE_SECRET to the same long random text for workers and gateway; `telecine up` makes one.",
    )
    NO_OUTPUTS = (
        "NO_OUTPUTS",
        "The recipe asks for nothing that can be made from this kind of file.",
        "Add an output for this kind to the recipe.",
    )
    TOOL_MISSING = (
        "TOOL_MISSING",
        "ffmpeg, ffprobe or Shaka Packager, or an encoder in it, isn't there.",
        "Run `telecine doctor`; it names what is missing and how to get it.",
    )
    OUT_OF_MEMORY = (
        "OUT_OF_MEMORY",
        "The machine or the job's memory limit had no room.",
        "Nothing at once: it is tried again. If it repeats, raise the limit or add memory.",
    )
    DISK_FULL = (
        "DISK_FULL",
        "The scratch disk is full.",
        "Free space below TELECINE_SCRATCH; the job is tried again.",
    )
    SCRATCH_FAILED = (
        "SCRATCH_FAILED",
        "Reading or writing a working file failed.",
        "It is tried again; if it repeats, check the disk below TELECINE_SCRATCH.",
    )
    TIMED_OUT = (
        "TIMED_OUT",
        "The work took longer than its limit, or stopped making progress.",
        "It is tried again; if it repeats, raise the limit or look at the file.",
    )
    STORE_UNAVAILABLE = (
        "STORE_UNAVAILABLE",
        "The object store did not answer, or refused.",
        "It is tried again; `telecine doctor` shows whether the store is reachable.",
    )
    STORE_DENIED = (
        "STORE_DENIED",
        "The object store refused the credentials or the bucket.",
        "Check TELECINE_S3_ACCESS_KEY, TELECINE_S3_SECRET_KEY and the bucket's policy.",
    )
    DATABASE_UNAVAILABLE = (
        "DATABASE_UNAVAILABLE",
        "PostgreSQL did not answer.",
        "It is tried again; `telecine doctor` shows whether the database is reachable.",
    )
    WORKER_DIED = (
        "WORKER_DIED",
        "The process that worked on the file stopped without a word (killed, out of memory, power).",
        "Nothing: the job goes back to the queue.",
    )
    POISON = (
        "POISON",
        "Every process that worked on this file died.",
        "Keep the file away from the bucket and report it with its job id.",
    )
    ENCODE_FAILED = (
        "ENCODE_FAILED",
        "The encoder or packager stopped with an error that is not known to be the file's fault.",
        "Read the tail in the job's details; it is tried again a few times.",
    )
    VERIFY_FAILED = (
        "VERIFY_FAILED",
        "An output was made but is not right (missing, too short, not decodable), so nothing was published.",
        "It is tried again; if it repeats, report it with the job id.",
    )
    FENCED = (
        "FENCED",
        "A newer attempt owns this partition; the older one's writes are refused.",
        "Nothing: the newer attempt goes on.",
    )
    CANCELED = "CANCELED", "Somebody canceled the job or terminated its run.", "Submit it again if it is wanted."
    WEBHOOK_REFUSED = (
        "WEBHOOK_REFUSED",
        "The webhook's URL, or an address that its host has, may not be called from here.",
        "Use a public https:// address, or allow it: TELECINE_WEBHOOK_* in docs/configuration.md.",
    )
    STACK_FAILED = (
        "STACK_FAILED",
        "A part of the local stack did not start or stopped answering.",
        "Run `telecine doctor` and `telecine logs PART`.",
    )
    INTERNAL = (
        "INTERNAL",
        "A fault in Telecine itself.",
        "Report it with the job id and the details; it is tried again a few times.",
    )


class TelecineError(Exception):
    """A failure with a code, a sentence for a person, and technical details.

    Args:
        code: one of `ErrorCode`.
        message: one sentence that names the file or field, the reason and, when it helps, what to do.
        details: technical tail (stderr, traceback); shown to engineers only, never holds secrets.
    """

    retry = Retry.NEVER
    kind = "system"  # the class in the ledger and in dead letters

    def __init__(self, code: ErrorCode, message: str, details: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return f"{self.code.value}: {self.message}"

    def __reduce__(self) -> tuple[type[TelecineError], tuple[ErrorCode, str, str | None]]:
        # Errors cross process boundaries (the image pool), so all three fields must survive pickling.
        return type(self), (self.code, self.message, self.details)


class InputError(TelecineError):
    """The file itself is at fault: never retried."""

    kind = "input"


class ConfigurationError(TelecineError):
    """A recipe, a setting or an installation is at fault: never retried until somebody changes it."""

    kind = "configuration"


class TransientError(TelecineError):
    """A neighbour hiccuped: retried soon."""

    retry = Retry.NOW
    kind = "transient"


class ResourceError(TelecineError):
    """Memory, disk or time ran out: retried later."""

    retry = Retry.LATER
    kind = "resource"


class SystemFault(TelecineError):
    """Our own tool or code failed in a way we don't know: retried later, a few times."""

    retry = Retry.LATER


class NotOurs(TelecineError):
    """Fenced or canceled: stop at once and write nothing."""

    retry = Retry.NOT_OURS
    kind = "not_ours"
