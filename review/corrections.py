"""Says which corrections two executions of a component differ in."""

from __future__ import annotations

from review.differences import Difference
from schemas.corrections import counts, from_property


def corrections_sentence(difference: Difference) -> str | None:
    """Says how the corrections changed, as a clause; empty if they did not, None if it cannot.

    Args:
        difference: of the property that holds them, as `schemas.corrections.as_property` writes
            it; one that is not there means that there were none. Others may write theirs.
    """
    # A person may have written the same in another order.
    try:
        old, new = (from_property(str(text or "[]")) for text in (difference.old, difference.new))
    except (TypeError, ValueError):
        return None
    come = set(new) - set(old)
    again = {one.sha256 for one in come}
    gone = sum(one.sha256 not in again for one in set(old) - set(new))
    parts = [counts(come).sentence, f"{gone} taken back" if gone else ""]
    text = ", ".join(part for part in parts if part)
    return f"the corrections changed ({text})" if text else ""
