"""Writes what only Kubernetes knows: volume claims, secrets, and the nodes that steps run on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.kubeflow.config import (
    DATA_FOLDER,
    MODELS_FOLDER,
    WEIGHTS_FOLDER,
    KubeflowConfig,
)
from pipelines.kubeflow.names import executor_label
from pipelines.kubeflow.spec import GPU_STEPS

# Which steps need which folder. Kubeflow's cache tells claims apart by name, so a step has only
# those that it reads or writes.
_FOLDERS: dict[str, frozenset[str]] = {
    DATA_FOLDER: frozenset({"PhotosFingerprint", "ImageExampleGen"}),
    WEIGHTS_FOLDER: frozenset({"Embedder", "Trainer"}),
    MODELS_FOLDER: frozenset(
        {
            *("LatestPushedStatistics", "DistributionValidator"),
            *("LatestPushedModel", "Evaluator", "Pusher"),
        }
    ),
}

# Of the storage's secret; each is also the name of the variable.
_SECRET_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL")


def platform_spec(steps: Iterable[str], settings: KubeflowConfig) -> dict[str, Any]:
    """Returns the second document of the compiled file.

    Args:
        steps: their ids.
        settings: where and with what the steps run.
    """
    executors = {executor_label(step): _executor(step, settings) for step in steps}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def _executor(step: str, settings: KubeflowConfig) -> dict[str, Any]:
    claims = {
        DATA_FOLDER: settings.data_claim,
        WEIGHTS_FOLDER: settings.weights_claim,
        MODELS_FOLDER: settings.models_claim,
    }
    mounts = [
        {"mountPath": folder, "constant": claim, "pvcNameParameter": _constant(claim)}
        for folder, claim in claims.items()
        if claim and step in _FOLDERS[folder]
    ]
    secret = settings.storage_secret
    on_gpu = step in GPU_STEPS and settings.gpu.count > 0
    labels = settings.gpu.node_selector if on_gpu else settings.node_selector
    found: dict[str, Any] = {
        "pvcMount": mounts,
        "secretAsEnv": [_secret(secret)] if secret else [],
        "imagePullSecret": [_named(name) for name in settings.image_pull_secrets],
        "nodeSelector": {"labels": dict(labels)} if labels else {},
        "tolerations": [
            toleration.model_dump(exclude_none=True) for toleration in settings.gpu.tolerations
        ]
        if on_gpu
        else [],
    }
    return {name: value for name, value in found.items() if value}


def _secret(name: str) -> dict[str, Any]:
    """All keys are optional: with Kubeflow's own store, its launcher needs none of them."""
    keys = [{"envVar": key, "secretKey": key} for key in _SECRET_KEYS]
    return {**_named(name), "keyToEnv": keys, "optional": True}


def _named(secret: str) -> Mapping[str, Any]:
    return {"secretName": secret, "secretNameParameter": _constant(secret)}


def _constant(value: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}
