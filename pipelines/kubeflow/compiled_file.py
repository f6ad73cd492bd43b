"""Writes a compiled pipeline, whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from schemas.errors import ConfigError


def write_file(text: str, file: Path) -> None:
    """Writes a compiled file.

    Raises:
        ConfigError: if it cannot be written.
    """
    partial = file.with_name(f".{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, file)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise ConfigError(
            f"Cannot write {file} ({error.strerror}); name a file that can be written to."
        ) from error
