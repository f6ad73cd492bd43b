"""The work of a run without TFX, Beam and ML Metadata: python -m benchmarks.bare_stages OUTPUT.

OUTPUT is that of one run, which reused nothing. One process does again what its components did,
from the same inputs and with the same settings, and prints seconds of wall and of processor time
as JSON. `import tensorflow` counts once; imports of what the comparison is with do not count.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMPORT = "import tensorflow"


class Clock:
    """Measures stages of a process, and what runs between them does not count.

    Attributes:
        wall: seconds of each stage.
        processor: seconds of each stage, with those of child processes that ended in it.
    """

    def __init__(self) -> None:
        """Measures nothing yet."""
        self.wall: dict[str, float] = {}
        self.processor: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measures what runs in the block."""
        wall, processor = time.perf_counter(), sum(os.times()[:4])
        yield
        self.wall[name] = time.perf_counter() - wall
        self.processor[name] = sum(os.times()[:4]) - processor


def main() -> None:
    """Does the work, and prints what each stage took."""
    clock = Clock()
    with clock.stage(IMPORT):
        import keras  # noqa: F401, PLC0415 (what that takes is measured)
        import tensorflow  # noqa: F401, PLC0415
    from benchmarks.bare_work import do_again  # noqa: PLC0415 (imports TFX, out of the clock)

    do_again(Path(sys.argv[1]), clock)
    sys.stdout.write(json.dumps({"wall": clock.wall, "processor": clock.processor}) + "\n")


if __name__ == "__main__":
    main()
