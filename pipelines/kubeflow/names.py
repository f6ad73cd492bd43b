"""How the steps are called in Kubernetes."""

from __future__ import annotations

import re


def kebab(step: str) -> str:
    """Returns the name of a step as Kubernetes wants names, such as `image-example-gen`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", step).lower()


def executor_label(step: str) -> str:
    """Returns what the executor of a step is called in both documents of the compiled file."""
    return f"exec-{kebab(step)}"
