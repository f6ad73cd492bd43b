"""Tests of cutting a backbone in two and of what learns above the cut."""

from __future__ import annotations

from functools import cache

import keras
import numpy as np
import pytest

from components.backbone.cut import (
    Cut,
    find_cut,
    single_tensor_boundaries,
    split_at,
    unfreeze_above,
)
from components.backbone.loading import load_backbone
from components.trainer.model import build_classifier, build_head
from schemas.errors import ConfigError

# Chains, sums, concatenations, squeeze-and-excitation, plain operations between the layers.
SIZES = {
    "VGG16": 32,
    "MobileNetV2": 32,
    "ResNet50": 32,
    "EfficientNetB0": 32,
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "InceptionV3": 75,
    "NASNetMobile": 32,
}
SLOW = ("ConvNeXtTiny", "DenseNet121", "InceptionV3")
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [], id=name)
    for name in SIZES
    if name != "NASNetMobile"
]


@cache
def backbone(name: str) -> keras.Model:
    """Builds a backbone once; tests that train or freeze build their own."""
    return load_backbone(name, "none", SIZES[name])


def cut_of(name: str, start: float | int | str) -> Cut:
    """Returns a cut that there must be."""
    cut = find_cut(backbone(name), start)
    assert cut is not None
    return cut


def photos(name: str) -> np.ndarray:
    size = SIZES[name]
    return np.random.default_rng(0).normal(size=(2, size, size, 3)).astype(np.float32)


def refusal(name: str, start: int | str) -> str:
    with pytest.raises(ConfigError) as error:
        find_cut(backbone(name), start)
    return str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_lower_part_then_upper_part_is_the_whole(name: str) -> None:
    whole = backbone(name)(photos(name), training=False)
    assert np.ptp(whole) > 0

    for start in (0.5, 2):
        lower, upper = split_at(backbone(name), cut_of(name, start))
        middle = lower(photos(name), training=False)
        # The same operations in the same order: equal to the last bit.
        np.testing.assert_array_equal(upper(middle, training=False), whole)


@pytest.mark.parametrize("name", NAMES)
def test_only_one_tensor_crosses_a_boundary(name: str) -> None:
    """Checked by another way than the code's: walking back from the output."""
    operations = backbone(name).operations
    number = {operation.name: index for index, operation in enumerate(operations)}
    crossing = {index: set() for index in range(len(operations))}
    for index, operation in enumerate(operations):
        for source in operation._inbound_nodes[0].parent_nodes:
            start = number[source.operation.name]
            for between in range(start, index):
                crossing[between].add(start)

    expected = [index for index in range(1, len(operations) - 1) if crossing[index] == {index}]
    assert single_tensor_boundaries(backbone(name)) == [*expected, len(operations) - 1]


@pytest.mark.parametrize("start", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("name", NAMES)
def test_share_of_the_layers_stays_frozen(name: str, start: float) -> None:
    share = (cut_of(name, start).index + 1) / len(backbone(name).operations)

    # Blocks of these architectures hold less than a tenth of the operations.
    assert share == pytest.approx(start, abs=0.1)


def test_larger_share_freezes_more() -> None:
    indices = [cut_of("MobileNetV2", start / 20).index for start in range(20)]

    assert indices == sorted(indices)
    assert len(set(indices)) > 10


def test_cut_takes_a_small_tensor_among_neighbours() -> None:
    """Half of MobileNetV2 ends inside block 8, whose wide tensors hold six times as much."""
    cut = cut_of("MobileNetV2", 0.5)

    assert backbone("MobileNetV2").operations[cut.index].output.shape[-1] == 64
    assert cut.layer == "block_8_add"


BLOCKS = {
    "ResNet50, 1": ("ResNet50", 1, "conv5_block2_add", "conv5_block3_1_conv"),
    "ResNet50, 3": ("ResNet50", 3, "conv4_block6_add", "conv5_block1_1_conv"),
    # Concatenates in every block: the sums of the others are farther apart.
    "DenseNet121, 1": pytest.param(
        "DenseNet121", 1, "conv5_block15_concat", "conv5_block16_0_bn", marks=pytest.mark.slow
    ),
    "MobileNetV2, 2": ("MobileNetV2", 2, "block_12_add", "block_14_expand"),
}


@pytest.mark.parametrize(("name", "blocks", "last_frozen", "learns"), BLOCKS.values(), ids=BLOCKS)
def test_number_of_blocks_is_counted_from_the_top(
    name: str, blocks: int, last_frozen: str, learns: str
) -> None:
    cut = cut_of(name, blocks)

    assert cut.layer == last_frozen
    names = [operation.name for operation in backbone(name).operations[cut.index + 1 :]]
    assert learns in names


@pytest.mark.parametrize("name", NAMES)
def test_topmost_block_has_something_to_learn(name: str) -> None:
    """A chain without branches ends in pooling, which is no block that could learn."""
    above = backbone(name).operations[cut_of(name, 1).index + 1 :]

    assert any(operation.weights for operation in above if isinstance(operation, keras.Layer))


def test_layer_named_first_learns_and_the_one_below_does_not() -> None:
    cut = cut_of("MobileNetV2", "block_13_expand")

    names = [operation.name for operation in backbone("MobileNetV2").operations]
    assert cut.layer == "block_12_add"
    assert names[cut.index + 1] == "block_13_expand"


@pytest.mark.parametrize("start", ["all", 0.0, "input_layer", "Conv1"], ids=str)
def test_whole_backbone_learns(start: str | float) -> None:
    if start == "input_layer":
        start = backbone("MobileNetV2").layers[0].name

    assert cut_of("MobileNetV2", start) == Cut(-1, "")


def test_nothing_learns() -> None:
    assert find_cut(backbone("MobileNetV2"), "none") is None


def test_unknown_layer_is_refused_with_the_nearest() -> None:
    assert refusal("MobileNetV2", "block_17_add") == (
        "fine_tune.from = 'block_17_add': mobilenetv2_1.00_32 has no such layer; nearest: "
        "block_7_add, block_15_add, block_14_add. Use a layer's name, a share from 0 to 1, a "
        "number of blocks, all or none."
    )


def test_unknown_layer_that_resembles_none_is_refused() -> None:
    assert refusal("MobileNetV2", "???") == (
        "fine_tune.from = '???': mobilenetv2_1.00_32 has no such layer. Use a layer's name, a "
        "share from 0 to 1, a number of blocks, all or none."
    )


@pytest.mark.parametrize("blocks", [16, 1000])
def test_more_blocks_than_there_are_are_refused(blocks: int) -> None:
    assert refusal("ResNet50", blocks) == (
        f"fine_tune.from = {blocks}: resnet50 has 16 blocks; use a smaller number, or all."
    )


@pytest.mark.slow
@pytest.mark.parametrize("start", [0.25, 0.5, 0.75, 1])
def test_something_learns_where_branches_cross_everywhere(start: float) -> None:
    """Each of NASNet's cells takes the outputs of two cells before: they meet at the ends only."""
    above = backbone("NASNetMobile").operations[cut_of("NASNetMobile", start).index + 1 :]

    assert any(operation.weights for operation in above if isinstance(operation, keras.Layer))


@pytest.mark.parametrize("start", ["all", 0.5], ids=str)
@pytest.mark.parametrize(
    "name", ["MobileNetV2", pytest.param("ConvNeXtTiny", marks=pytest.mark.slow)]
)
def test_layers_above_the_cut_learn_but_batch_normalization(name: str, start: float | str) -> None:
    model = load_backbone(name, "none", SIZES[name])
    cut = find_cut(model, start)
    assert cut is not None

    model.trainable = False
    unfreeze_above(model, cut)

    above = {operation.name for operation in model.operations[cut.index + 1 :]}
    for layer in model.layers:
        if layer.weights:
            batch_norm = isinstance(layer, keras.layers.BatchNormalization)
            assert layer.trainable == (layer.name in above and not batch_norm), layer.name
    assert len(model.trainable_weights) > 10


@pytest.mark.parametrize("start", ["all", pytest.param(0.5, marks=pytest.mark.slow)], ids=str)
def test_fine_tuning_leaves_batch_normalization_and_the_frozen_part_as_they_were(
    start: float | str,
) -> None:
    keras.utils.set_random_seed(1)  # Of the head.
    model = load_backbone("MobileNetV2", "embedded", 32)
    model.trainable = False
    classifier = build_classifier(
        model, "MobileNetV2", build_head(1280, classes=2, units=4, dropout=0.0)
    )
    cut = find_cut(model, start)
    assert cut is not None
    unfreeze_above(model, cut)
    before = {weight.path: np.array(weight) for weight in model.weights}

    classifier.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    noise = np.random.default_rng(1).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    classifier.fit(noise, np.array([0.0, 1.0, 1.0, 1.0])[:, None], epochs=1, verbose=0)

    moved = {
        weight.path for weight in model.weights if not np.array_equal(weight, before[weight.path])
    }
    learning = {weight.path for weight in model.trainable_weights}
    batch_norms = [
        layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert moved.isdisjoint(weight.path for layer in batch_norms for weight in layer.weights)
    assert moved <= learning
    assert len(moved) > 0.9 * len(learning)


@pytest.mark.slow
def test_batch_normalization_would_move_if_it_were_unfrozen() -> None:
    """Why `unfreeze_above` exists: Keras updates the statistics despite `training=False`."""
    model = load_backbone("MobileNetV2", "embedded", 32)
    classifier = build_classifier(
        model, "MobileNetV2", build_head(1280, classes=2, units=4, dropout=0.0)
    )
    before = np.array(model.get_layer("bn_Conv1").moving_mean)

    classifier.compile(keras.optimizers.SGD(0.0), "binary_crossentropy")
    noise = np.random.default_rng(1).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    classifier.fit(noise, np.array([0.0, 1.0, 1.0, 1.0])[:, None], epochs=1, verbose=0)

    assert not np.array_equal(model.get_layer("bn_Conv1").moving_mean, before)
