"""The weights of a model in training, on disk after every epoch.

Keras' own files name every variable by its path: right for weights that travel, but writing one
takes as long as a short epoch. These are read back by the code that wrote them, or not at all.
"""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np

_OPTIMIZER = "optimizer/"


def save(model: keras.Model, file: Path, *, optimizer: bool = False) -> None:
    """Writes weights, whole or not at all.

    Args:
        model: whose.
        file: to replace, named `.npz`.
        optimizer: its state, too.
    """
    arrays = {str(index): weight for index, weight in enumerate(model.get_weights())}
    if optimizer:
        state: dict[str, np.ndarray] = {}
        model.optimizer.save_own_variables(state)
        arrays |= {_OPTIMIZER + name: value for name, value in state.items()}
    partial = file.with_name(f"partial-{file.name}")
    np.savez(partial, **arrays)
    os.replace(partial, file)


def restore(model: keras.Model, file: Path, *, optimizer: bool = False) -> None:
    """Puts weights back.

    Args:
        model: built as the one that was saved.
        file: from `save`.
        optimizer: its state, too; it must be built.
    """
    with np.load(file) as arrays:
        model.set_weights([arrays[str(index)] for index in range(len(model.weights))])
        if optimizer:
            names = [name for name in arrays.files if name.startswith(_OPTIMIZER)]
            model.optimizer.load_own_variables(
                {name.removeprefix(_OPTIMIZER): arrays[name] for name in names}
            )
