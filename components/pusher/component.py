"""TFX's Pusher component with the executor of this folder."""

from __future__ import annotations

from tfx.components.pusher import component
from tfx.dsl.components.base import executor_spec

from components.pusher.executor import Executor


class Pusher(component.Pusher):
    """Puts a blessed model where it is served from; used exactly as TFX's Pusher."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
