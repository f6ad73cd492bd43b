"""Turns an error that a user can cause into one sentence and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli.interruption import INTERRUPTED
from schemas.addresses import without_passwords
from schemas.errors import WarmstartError

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@contextmanager
def reported(debug: bool, on_error: Callable[[str], None] | None = None) -> Iterator[None]:
    """Prints a `WarmstartError` on stderr and exits with its code; other errors pass.

    Args:
        debug: print the traceback as well.
        on_error: called with the message before the exit, for `--json`.

    Raises:
        typer.Exit: with 1 or 2, or 130 after Ctrl-C.
    """
    try:
        yield
    except WarmstartError as error:
        # A file name need not be UTF-8; what is printed must be.
        message = without_passwords(str(error)).encode(errors="backslashreplace").decode()
        if on_error:
            on_error(message)
        if debug:
            sys.stderr.write(without_passwords(traceback.format_exc()))
        sys.stderr.write(f"Error: {message}\n")
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        if on_error:
            on_error("Interrupted.")
        sys.stderr.write("Interrupted.\n")
        raise typer.Exit(INTERRUPTED) from None
