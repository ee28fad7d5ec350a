"""The command line: `telecine`. One file per group of commands; each registers itself on `app`.

Belongs here: `main()`, how errors are shown, and the list of groups. Doesn't belong here: work; commands call rooms of
telecine and print what they answer. Imports stay inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import sys

from telecine.errors import TelecineError


def main() -> None:
    """Entry point of the `telecine` program: runs a command; an expected error is one line and exit code 1."""
    from telecine import logs
    from telecine.cli.app import app, fail

    logs.configure()
    try:
        app()
    except TelecineError as error:
        fail(error)
        sys.exit(1)
    except BrokenPipeError:  # `telecine logs | head`
        sys.stderr.close()
        sys.exit(1)
