"""Where a backbone is cut: below the cut it stays frozen, above it learns in stage 2."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

import keras

from schemas.errors import ConfigError

ALL = "all"
NONE = "none"

# A boundary this near the wanted layer (share of all layers) is as good as the nearest; among
# such, the one with the smallest tensor is taken, which is cheapest to keep.
_NEARBY = 0.05

# A boundary farther away than this would freeze something else than was asked for.
_FAR = 0.15

# A backbone with fewer blocks than this between single tensors is wired from block to block.
_FEWEST_BLOCKS = 3


@dataclass(frozen=True)
class Cut:
    """A place where a single tensor connects the lower and the upper part.

    Attributes:
        index: of the last frozen operation in `backbone.operations`; -1 if nothing is frozen.
        layer: its name; "" if nothing is frozen, or more than one tensor goes on from there:
            what is frozen is then computed in every epoch.
    """

    index: int
    layer: str


def find_cut(backbone: keras.Model, start: float | int | str) -> Cut | None:
    """Finds where fine-tuning starts.

    Args:
        backbone: a functional model of keras.applications.
        start: a share in [0, 1) of the layers that stay frozen; or how many blocks, from the
            top, learn; or the name of the first layer that learns; or `all`; or `none`.

    Returns:
        The cut nearest to what was asked for, or None for `none`.

    Raises:
        ConfigError: if there is no such layer, or there are fewer blocks.
    """
    if start == NONE:
        return None
    if start == ALL:
        return Cut(-1, "")
    # Layers and, between them, plain operations such as the sum in ConvNeXt's blocks.
    operations = backbone.operations
    last = len(operations) - 1
    boundaries = [index for index in single_tensor_boundaries(backbone) if index < last]
    if isinstance(start, str):
        wanted = operations.index(_layer(backbone, start)) - 1
    elif isinstance(start, float):
        first = backbone.layers[int(len(backbone.layers) * start)]
        wanted = operations.index(first) - 1
    else:
        wanted = _block_boundary(backbone, boundaries, start)
        if wanted in boundaries:  # Neither one block more nor one less.
            return Cut(wanted, operations[wanted].name)
    return _nearest(backbone, boundaries, wanted) if wanted >= 1 else Cut(-1, "")


def single_tensor_boundaries(backbone: keras.Model) -> list[int]:
    """Returns the operations after which one tensor alone, their output, goes on.

    Args:
        backbone: a functional model; Keras keeps its operations in topological order.

    Returns:
        Indices in `backbone.operations`, without the input's.
    """
    position = {op.name: index for index, op in enumerate(backbone.operations)}
    last_use = list(range(len(position)))
    for index, op in enumerate(backbone.operations):
        for node in op._inbound_nodes:
            for source in node.parent_nodes:
                used = position.get(source.operation.name)
                if used is not None:
                    last_use[used] = max(last_use[used], index)
    boundaries: list[int] = []
    reach = 0  # The furthest operation that takes what came before this one.
    for index in range(len(position)):
        if index > 0 and reach <= index:
            boundaries.append(index)
        reach = max(reach, last_use[index])
    return boundaries


def split_at(backbone: keras.Model, cut: Cut) -> tuple[keras.Model, keras.Model]:
    """Splits a backbone into two models that share its layers and weights.

    Args:
        backbone: the whole.
        cut: from `find_cut`, with something frozen.

    Returns:
        The lower part, from preprocessed photos to the tensor at the cut, and the upper one,
        from there to the embedding.
    """
    middle = backbone.operations[cut.index].output
    return keras.Model(backbone.input, middle), keras.Model(middle, backbone.output)


def unfreeze_above(backbone: keras.Model, cut: Cut) -> None:
    """Makes the layers above a cut trainable, BatchNormalization excepted.

    With `trainable=True` Keras (3.5 and later) updates a BatchNormalization layer's moving
    statistics even inside a call with `training=False`; a few hundred photos would spoil
    what ImageNet's million taught it. The model has to be compiled again afterwards.
    """
    backbone.trainable = True
    frozen = set(map(id, backbone.operations[: cut.index + 1]))
    for layer in backbone.layers:
        batch_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = id(layer) not in frozen and not batch_norm


def _layer(backbone: keras.Model, name: str) -> keras.layers.Layer:
    names = [layer.name for layer in backbone.layers]
    if name in names:
        return backbone.get_layer(name)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.3)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    raise ConfigError(
        f"fine_tune.from = {name!r}: {backbone.name} has no such layer{hint}. Use a layer's "
        "name, a share from 0 to 1, a number of blocks, all or none."
    )


def _block_boundary(backbone: keras.Model, boundaries: list[int], blocks: int) -> int:
    """The boundary below the topmost `blocks` blocks; a block ends where branches merge."""
    merges = [index for index in boundaries if _merges(backbone.operations[index])]
    # In a plain chain such as VGG each layer with weights is a block.
    ends = merges or [index for index in boundaries if backbone.operations[index].weights]
    # The last merge ends the topmost block, so one more lies below it.
    if len(ends) < _FEWEST_BLOCKS:
        # In NASNet branches cross from cell to cell; each cell ends in a Concatenate.
        concatenate = keras.layers.Concatenate
        ends = [i for i, op in enumerate(backbone.operations) if isinstance(op, concatenate)]
    if blocks >= len(ends):
        raise ConfigError(
            f"fine_tune.from = {blocks}: {backbone.name} has {len(ends)} blocks; "
            "use a smaller number, or all."
        )
    return ends[-blocks - 1]


def _merges(operation: keras.Operation) -> bool:
    return any(len(node.parent_nodes) > 1 for node in operation._inbound_nodes)


def _nearest(backbone: keras.Model, boundaries: list[int], wanted: int) -> Cut:
    last = max(i for i, op in enumerate(backbone.operations) if getattr(op, "weights", None))
    boundaries = [index for index in boundaries if index < last]  # Above it something can learn.
    nearest = min(abs(index - wanted) for index in boundaries)
    if nearest > len(backbone.operations) * _FAR:
        return Cut(wanted, "")
    radius = max(nearest, int(len(backbone.operations) * _NEARBY))
    nearby = [index for index in boundaries if abs(index - wanted) <= radius]

    def cost(index: int) -> tuple[int, int]:
        size = math.prod(backbone.operations[index].output.shape[1:])
        return size, abs(index - wanted)

    chosen = min(nearby, key=cost)
    return Cut(chosen, backbone.operations[chosen].name)
