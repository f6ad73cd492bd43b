"""Tests of the section `kubeflow`: what is filled in, and what is refused with a sentence."""

from __future__ import annotations

import pytest

from pipelines.config import WHERE_IT_RUNS, PipelineConfig, commented_yaml, load_config, plain_yaml
from pipelines.kubeflow.config import amount
from schemas.errors import ConfigError

WRONG = {
    "image without a tag": (
        "image=registry:5000/worker",
        "kubeflow.image = 'registry:5000/worker': has no tag, so nobody could tell what ran; "
        "name one, as registry:5000/worker:0.1.0.",
    ),
    "image with an empty tag": (
        'image="worker:"',
        "kubeflow.image = 'worker:': has no tag, so nobody could tell what ran; "
        "name one, as worker:0.1.0.",
    ),
    "latest": (
        "image=worker:latest",
        "kubeflow.image = 'worker:latest': latest is another image every week; "
        "name a version or a digest.",
    ),
    "folder as pipeline root": (
        "pipeline_root=/pvc",
        "kubeflow.pipeline_root = '/pvc': no place that Kubeflow knows: "
        "minio://, s3:// or gs:// with a bucket.",
    ),
    "claim with capitals": (
        "models_claim=Models",
        "kubeflow.models_claim = 'Models': no name in Kubernetes: "
        "lower-case letters, digits, hyphens and dots.",
    ),
    "memory in words": (
        "resources.Trainer.memory_limit=4 gigs",
        "kubeflow.resources.Trainer.memory_limit = '4 gigs': "
        "no amount of memory, such as '4Gi' or '500Mi'.",
    ),
    "negative cores": (
        "resources.default.cpu_request=-1",
        "kubeflow.resources.default.cpu_request = -1: no number of cores, such as '2' or '500m'.",
    ),
    "request above the limit": (
        "resources.default.memory_limit=1Gi",
        "memory_request = 2Gi is above memory_limit = 1Gi.",
    ),
    "unknown step": (
        "resources.Trainr.cpu_limit=2",
        "no step is called Trainr; they are default, PhotosFingerprint, ImageExampleGen, ",
    ),
    "no table for a step": (
        "resources.Trainer=3",
        "kubeflow.resources = {'Trainer': 3}: under Trainer keys such as memory_limit are "
        "expected.",
    ),
    "label with a space": (
        "gpu.tolerations=[{key: a b}]",
        "kubeflow.gpu.tolerations = 'a b': no key of a label in Kubernetes, such as "
        "nvidia.com/gpu.",
    ),
    "models outside of Cloud Storage": (
        "vertex.models=s3://bucket/models",
        "kubeflow.vertex.models = 's3://bucket/models': no place in Cloud Storage, such as "
        "gs://bucket/models.",
    ),
    "way out of the bucket": (
        "vertex.models=gs://bucket/../models",
        "kubeflow.vertex.models = 'gs://bucket/../models': no place in Cloud Storage, such as "
        "gs://bucket/models.",
    ),
    "accelerator as Kubernetes calls it": (
        "vertex.accelerator=nvidia.com/gpu",
        "kubeflow.vertex.accelerator = 'nvidia.com/gpu': no GPU as Vertex AI names them, such as "
        "NVIDIA_TESLA_T4 or NVIDIA_L4.",
    ),
    "too many retries": (
        "retries=11",
        "kubeflow.retries = 11: input should be less than or equal to 10.",
    ),
}


@pytest.mark.parametrize(("override", "sentence"), WRONG.values(), ids=WRONG)
def test_value_that_kubernetes_would_refuse_is_refused_here(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(None, [f"kubeflow.{override}"])

    assert sentence in str(error.value)


@pytest.mark.parametrize(
    "image",
    [
        "worker:0.1.0",
        "registry.example.org:5000/team/worker:0.1.0",
        f"worker@sha256:{'0' * 64}",
        f"worker:latest@sha256:{'0' * 64}",
    ],
)
def test_image_with_tag_or_digest_is_taken(image: str) -> None:
    assert load_config(None, [f"kubeflow.image={image}"]).kubeflow.image == image


def test_resources_that_are_left_out_stay() -> None:
    changed = load_config(None, ["kubeflow.resources.Trainer.memory_limit=32Gi"]).kubeflow
    plain = PipelineConfig().kubeflow

    assert changed.resources_of("Trainer").memory_limit == "32Gi"
    assert changed.resources_of("Trainer").cpu_limit == plain.resources_of("Trainer").cpu_limit
    assert changed.resources_of("Embedder") == plain.resources_of("Embedder")
    assert changed.resources_of("Pusher") == plain.resources_of("Pusher")


def test_default_resources_hold_for_steps_without_their_own() -> None:
    settings = load_config(
        None, ["kubeflow.resources={default: {cpu_limit: 3}, Evaluator: {memory_limit: 5Gi}}"]
    ).kubeflow

    assert settings.resources_of("Pusher").cpu_limit == "3"
    assert settings.resources_of("Evaluator").cpu_limit == "3"
    assert settings.resources_of("Evaluator").memory_limit == "5Gi"
    assert settings.resources_of("Trainer").cpu_limit == "8"


@pytest.mark.parametrize(
    ("quantity", "number"),
    [("500m", 0.5), ("2", 2), ("1.5", 1.5), ("4Gi", 4 * 2**30), ("1Ki", 1024), ("3G", 3e9)],
)
def test_quantities_are_read_as_kubernetes_reads_them(quantity: str, number: float) -> None:
    assert amount(quantity) == number


def test_where_it_runs_is_no_part_of_what_is_recorded() -> None:
    config = load_config(None, ["kubeflow.image=worker:1"])

    assert plain_yaml(config, without=WHERE_IT_RUNS) == plain_yaml(
        PipelineConfig(), without=WHERE_IT_RUNS
    )
    assert "kubeflow" not in commented_yaml(config, without=WHERE_IT_RUNS)
    assert "kubeflow:" in commented_yaml(config)
