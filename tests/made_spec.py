"""A compiled pipeline as small as one can be, with a parameter of each type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PARAMETERS: dict[str, dict[str, Any]] = {
    "data": {"parameterType": "STRING"},
    "frozen-epochs": {"parameterType": "NUMBER_INTEGER", "defaultValue": 10.0},
    "learning-rate": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.001},
    "deterministic": {"parameterType": "BOOLEAN", "defaultValue": False},
    "classes": {"parameterType": "LIST", "isOptional": True},
    "thresholds": {"parameterType": "STRUCT", "isOptional": True},
}


def write_spec(
    file: Path,
    *,
    parameters: dict[str, dict[str, Any]] | None = None,
    image: str = "example.org/warmstart:1",
    name: str = "warmstart-photos",
) -> Path:
    """Writes a pipeline of one component, with what Kubernetes has to know of it."""
    pipeline = {
        "pipelineInfo": {"name": name},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.16.1",
        "root": {
            "inputDefinitions": {"parameters": PARAMETERS if parameters is None else parameters},
            "dag": {
                "tasks": {
                    "Trainer": {
                        "taskInfo": {"name": "Trainer"},
                        "componentRef": {"name": "Trainer"},
                    }
                }
            },
        },
        "components": {"Trainer": {"executorLabel": "Trainer_executor"}},
        "deploymentSpec": {
            "executors": {"Trainer_executor": {"container": {"image": image, "command": ["true"]}}}
        },
    }
    platforms = {
        "platforms": {
            "kubernetes": {
                "deploymentSpec": {
                    "executors": {
                        "Trainer_executor": {"nodeSelector": {"labels": {"accelerator": "nvidia"}}}
                    }
                }
            }
        }
    }
    file.write_text(yaml.safe_dump_all([pipeline, platforms]))
    return file
