"""How TFX is told to divide examples; without the rest of TFX, which takes seconds to import."""

from __future__ import annotations

from collections.abc import Mapping

from tfx.proto import example_gen_pb2

from schemas import features


def output_config(buckets: Mapping[str, int]) -> example_gen_pb2.Output:
    """Returns what tells TFX to divide examples by the hash of `features.SPLIT_KEY`.

    Args:
        buckets: number of hash buckets of each split.
    """
    split = example_gen_pb2.SplitConfig.Split
    return example_gen_pb2.Output(
        split_config=example_gen_pb2.SplitConfig(
            splits=[split(name=name, hash_buckets=width) for name, width in buckets.items()],
            partition_feature_name=features.SPLIT_KEY,
        )
    )
