"""What a run of ours writes into ML Metadata beside what TFX does, by the name of the property.

On the run's context: `RECORD`, `CONFIGURATION`, `DATA`, `VERSION`, `COMMIT`, `NODES`, `DELETED`. On
each execution: `OUTPUTS`, `CODE`, `EXECUTOR`, `SECONDS`, `CPU_SECONDS`, `PEAK_MEMORY`, `ERROR`.
Never on artifacts: those are a part of TFX's cache key, so that whatever uses them would run again.
"""

from __future__ import annotations

PREFIX = "warmstart_"

# Of these names and what they mean, as text. A release that changes a meaning raises it; names that
# are added are no change: who does not know them does without.
RECORD = PREFIX + "record"
RECORD_VERSION = 1

# The resolved configuration, as YAML.
CONFIGURATION = PREFIX + "configuration"
# Where the photos are.
DATA = PREFIX + "data"
# Of warmstart.
VERSION = PREFIX + "version"
# Of the checkout that ran, where it is one.
COMMIT = PREFIX + "commit"
# The components in their order, as a JSON object: under each id those that it waits for. A run that
# was killed lacks some.
NODES = PREFIX + "nodes"

# When the run was removed with `warmstart runs delete`.
DELETED = PREFIX + "deleted"

# Digests of output artifacts, as a JSON object by the artifact's id.
OUTPUTS = PREFIX + "outputs"
# Digest of the code that the component runs.
CODE = PREFIX + "code"
# The executor's class and digest of its settings.
EXECUTOR = PREFIX + "executor"
# Wall time, float.
SECONDS = PREFIX + "seconds"
# Processor time of all threads and ended child processes, float.
CPU_SECONDS = PREFIX + "cpu_seconds"
# The most memory that the process had meanwhile, in bytes.
PEAK_MEMORY = PREFIX + "peak_memory"
# First line of what was raised.
ERROR = PREFIX + "error"

# A digest of all files, or of names, sizes and the first bytes where there are too many.
WHOLE_DIGEST = "sha256:"
PARTIAL_DIGEST = "sha256-of-beginnings:"
