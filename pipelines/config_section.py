"""What all sections of the configuration have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section: it never changes, knows its keys, and takes no text for a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, strict=True)
