"""A step that finds something and hands on, as text, what or where it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


class Lookup(ABC):
    """The executor of such a step, for engines that know it: Kubeflow.

    What is found travels as a parameter. As an artifact it would be a new one in each run, and
    whatever uses it would never be taken from the cache. Modules of lookups import neither
    TensorFlow nor TFX: they run each time, and answer in a second.
    """

    @abstractmethod
    def look_up(self, properties: Mapping[str, Any], inputs: Mapping[str, str]) -> dict[str, str]:
        """Returns what was found under each output's name; empty text: nothing.

        Args:
            properties: of the step.
            inputs: folders of artifacts, by the input's name.

        Raises:
            WarmstartError: if it cannot look.
        """
