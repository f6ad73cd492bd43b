"""Which corrections a command takes: those of a file, or none."""

from __future__ import annotations

from pathlib import Path

from schemas.corrections import Correction, read_corrections
from schemas.errors import ConfigError, printable

_NONE = "none"


def chosen_corrections(named: str | None, default: Path | None = None) -> list[Correction]:
    """Reads the corrections that a user means.

    Args:
        named: a file, or `none`; None: the default.
        default: a file that need not exist, or None.

    Raises:
        ConfigError: if the file that is named does not exist.
        DataError: if a file cannot be read.
    """
    if named is None:
        return read_corrections(default) if default else []
    if named == _NONE:
        return []
    if not Path(named).exists():
        raise ConfigError(
            f"--corrections {printable(named)}: there is no such file; name one, or leave the "
            "option out."
        )
    return read_corrections(Path(named))
