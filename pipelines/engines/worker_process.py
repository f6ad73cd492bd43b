"""A process that works for one pipeline of Beam after the other; `processes_runner` starts it.

What it imports, TensorFlow above all, stays imported. Each line that it reads is the address and
the name of a worker to be; it answers with a line when that worker is no longer wanted, and ends
with its input, so that it never outlives who started it.
"""

from __future__ import annotations

import json
import os
import sys

import tfx  # noqa: F401 (first: it stands in for a module of tfx_bsl that TFDV 1.16 imports)
from apache_beam.runners.worker.sdk_worker import SdkHarness

# As Beam's own start of a worker.
_STATE_CACHE_BYTES = 100 << 20


def main() -> None:
    """Works until the input ends."""
    # What libraries print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        SdkHarness(
            asked["control"], worker_id=asked["worker"], state_cache_size=_STATE_CACHE_BYTES
        ).run()
        answers.write("done\n")


if __name__ == "__main__":
    main()
