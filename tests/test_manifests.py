"""The manifests in `kubeflow/`, built as `kubectl apply -k` does; there is no cluster here."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import requests
import yaml
from dev_tools import tool
from google.protobuf import text_format
from rest_server import Server, rest_server
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig
from typer.testing import CliRunner

from cli.main import app
from components.serving.versions import find_versions, served
from pipelines.environment.resources import PORTS
from pipelines.folders import DEFAULT_OUTPUT, OutputFolders
from pipelines.kubeflow.config import KubeflowConfig
from review.page.guard import Access

pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl, which builds the manifests, is not installed"
)

ROOT = Path(__file__).parent.parent
MANIFESTS = ROOT / "kubeflow"

# Each overlay as it is, and with the lines that it has as comments.
BUILDS = ["kind", "cluster", "kind and all", "cluster and all"]

# Of Kubernetes; both ends of what its makers and clouds keep up today, and beyond.
VERSIONS = ["1.29", "1.36"]

# What compiled pipelines name.
NAMED = KubeflowConfig()
CLAIMS = {NAMED.data_claim, NAMED.weights_claim, NAMED.models_claim}
STORAGE = NAMED.storage_secret
# What `warmstart kubeflow` starts them as.
ACCOUNT = "warmstart-runner"
KEYS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
OPTIONAL_KEYS = {"AWS_REGION", "AWS_ENDPOINT_URL"}

OUTPUT = OutputFolders(Path("/work") / DEFAULT_OUTPUT)

Object = dict[str, Any]


class Cluster:
    """The objects of a build, by kind and name."""

    def __init__(self, objects: list[Object]) -> None:
        self.objects = objects

    def of(self, kind: str) -> dict[str, Object]:
        return {one["metadata"]["name"]: one for one in self.objects if one["kind"] == kind}

    def pods(self) -> dict[str, Object]:
        """Returns metadata and specification of every pod that there may be."""
        found = dict(self.of("Pod"))
        for name, one in self.of("Deployment").items():
            found[name] = one["spec"]["template"]
        for name, one in self.of("CronJob").items():
            found[name] = one["spec"]["jobTemplate"]["spec"]["template"]
        return found

    def containers(self) -> dict[str, Object]:
        found = {}
        for name, pod in self.pods().items():
            (found[name],) = pod["spec"]["containers"]
        return found

    def selected(self, labels: dict[str, str]) -> set[str]:
        """Returns the pods that have these labels."""
        return {
            name
            for name, pod in self.pods().items()
            if labels.items() <= pod["metadata"].get("labels", {}).items()
        }


def with_all_lines(folder: Path) -> Path:
    """Copies the manifests, with what their user fills in."""
    shutil.copytree(MANIFESTS, folder, ignore=shutil.ignore_patterns("*.env"))
    for example in folder.rglob("*.env.example"):
        example.with_suffix("").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool("kubectl"), "kustomize", folder], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Cluster]:
    """Builds, once each, what BUILDS names."""
    done: dict[str, Cluster] = {}

    def built_once(name: str) -> Cluster:
        if name not in done:
            folder = with_all_lines(tmp_path_factory.mktemp("manifests") / "kubeflow")
            overlay = folder / "overlays" / name.partition(" ")[0]
            if name.endswith("and all"):
                file = overlay / "kustomization.yaml"
                text, count = re.subn(r"# (- \.\./)", r"\1", file.read_text(encoding="utf-8"))
                assert count
                file.write_text(text, encoding="utf-8")
            result = build(overlay)
            assert (result.returncode, result.stderr) == (0, "")
            done[name] = Cluster(list(yaml.safe_load_all(result.stdout)))
        return done[name]

    return built_once


@pytest.fixture(params=BUILDS)
def cluster(request: pytest.FixtureRequest, built: Callable[[str], Cluster]) -> Cluster:
    """Each build in turn."""
    return built(request.param)


@pytest.fixture
def full(built: Callable[[str], Cluster]) -> Cluster:
    """All that there is, on one node."""
    return built("kind and all")


@pytest.fixture(scope="module")
def compose() -> Object:
    found: Object = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return found


@pytest.fixture
def asked(pushed_model: Path) -> Iterator[Server]:
    with rest_server(pushed_model) as server:
        yield server


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_as_kubernetes_wants_it(cluster: Cluster, version: str) -> None:
    for one in cluster.objects:
        assert kubernetes_validate.validate(one, version, strict=True) == version


def test_overlays_hold_what_they_are_for(built: Callable[[str], Cluster]) -> None:
    plain = {(one["kind"], one["metadata"]["name"]) for one in built("kind").objects}
    full = {(one["kind"], one["metadata"]["name"]) for one in built("kind and all").objects}
    several = {(one["kind"], one["metadata"]["name"]) for one in built("cluster").objects}

    assert {name for kind, name in plain if kind == "PersistentVolumeClaim"} == CLAIMS
    assert ("ServiceAccount", ACCOUNT) in plain
    assert ("Pod", "warmstart-files") in plain
    assert {kind for kind, _ in plain} & {"Secret", "PodDisruptionBudget"} == set()
    assert {name for kind, name in full - plain if kind != "Secret"} == {
        *("warmstart-output", "warmstart-review", "warmstart-run")
    }
    assert {one for one in several - plain if one[0] != "ConfigMap"} == {
        ("Secret", STORAGE),
        ("PodDisruptionBudget", "warmstart-serving"),
    }


def test_every_object_is_found_by_namespace_and_labels(cluster: Cluster) -> None:
    for one in cluster.objects:
        labels = one["metadata"]["labels"]
        assert one["metadata"]["namespace"] == "kubeflow"
        assert labels["app.kubernetes.io/name"] == "warmstart"
        assert labels["app.kubernetes.io/part-of"] == "warmstart"
        assert labels.get("app.kubernetes.io/component") or one["kind"] == "ConfigMap"


def test_claims_are_of_the_kind_that_the_cluster_has(built: Callable[[str], Cluster]) -> None:
    for name, mode, storage in (
        ("kind and all", "ReadWriteOnce", "standard"),
        ("cluster and all", "ReadWriteMany", "your-shared-files"),
    ):
        claims = built(name).of("PersistentVolumeClaim")
        assert claims.keys() == CLAIMS | {"warmstart-output"}
        for claim in claims.values():
            assert claim["spec"]["accessModes"] == [mode]
            assert claim["spec"]["storageClassName"] == storage


def test_pods_keep_to_the_restricted_standard(cluster: Cluster) -> None:
    """As https://kubernetes.io/docs/concepts/security/pod-security-standards says."""
    for pod in cluster.pods().values():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & spec.keys()
        for volume in spec["volumes"]:
            assert volume.keys() - {"name"} <= {
                *("persistentVolumeClaim", "emptyDir", "configMap", "secret")
            }
        for container in [*spec["containers"], *spec.get("initContainers", ())]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert not any("hostPort" in port for port in container.get("ports", ()))


def test_pods_run_as_the_user_of_the_image_and_know_no_api_server(cluster: Cluster) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (user,) = set(re.findall(r"^USER (\d+)$", dockerfile, re.MULTILINE))

    for pod in cluster.pods().values():
        given = pod["spec"]["securityContext"]
        assert {given["runAsUser"], given["runAsGroup"], given["fsGroup"]} == {int(user)}
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"].get("serviceAccountName") is None


def test_pods_ask_for_and_are_limited_to_cpu_and_memory(cluster: Cluster) -> None:
    for container in cluster.containers().values():
        asks, limits = container["resources"]["requests"], container["resources"]["limits"]
        for name in ("cpu", "memory"):
            assert 0 < quantity(asks[name]) <= quantity(limits[name])


def quantity(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(m|Mi|Gi)?", text).groups()  # type: ignore[union-attr]
    return int(number) * {"m": 0.001, "Mi": 2.0**20, "Gi": 2.0**30}.get(unit, 1)


def test_images_are_pinned_to_this_version_and_that_of_compose(
    cluster: Cluster, compose: Object
) -> None:
    setup = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.*)"$', setup, re.MULTILINE)
    images = {name: one["image"] for name, one in cluster.containers().items()}

    assert images.pop("warmstart-serving") == compose["serving"]["image"]
    assert len(images) > 1
    for image in images.values():
        assert image.rpartition("/")[2] == f"warmstart-worker:{version}"
    for file in MANIFESTS.rglob("*.yaml"):
        # An overlay that says no image takes these.
        assert set(re.findall("image: warmstart-worker(.*)", file.read_text())) <= {f":{version}"}
    for container in cluster.containers().values():
        # What was loaded into a node is not asked of a registry.
        assert container["imagePullPolicy"] == "IfNotPresent"


def test_what_pods_mount_and_read_is_there(cluster: Cluster) -> None:
    for pod in cluster.pods().values():
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                name = volume["persistentVolumeClaim"]["claimName"]
                assert name in cluster.of("PersistentVolumeClaim")
            if "configMap" in volume:
                assert volume["configMap"]["name"] in cluster.of("ConfigMap")
        (container,) = pod["spec"]["containers"]
        mounts = [mount["name"] for mount in container["volumeMounts"]]
        assert set(mounts) == volumes.keys()
        for variable in container.get("env", ()):
            reference = variable["valueFrom"]["secretKeyRef"]
            assert reference["key"] in cluster.of("Secret")[reference["name"]]["data"]


def test_services_and_policies_reach_the_pods_of_their_name(cluster: Cluster) -> None:
    for name, deployment in cluster.of("Deployment").items():
        selector = deployment["spec"]["selector"]["matchLabels"]
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        (port,) = container["ports"]
        service, policy = cluster.of("Service")[name], cluster.of("NetworkPolicy")[name]

        assert cluster.selected(selector) == {name}
        assert service["spec"]["selector"] == selector
        assert policy["spec"]["podSelector"]["matchLabels"] == selector
        (outside,) = service["spec"]["ports"]
        assert outside["targetPort"] == port["name"]
        assert outside["port"] == port["containerPort"] == PORTS[name.removeprefix("warmstart-")]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            (how,) = container[probe].keys() & {"httpGet", "tcpSocket"}
            assert container[probe][how]["port"] == port["name"]
    assert cluster.of("Service").keys() == cluster.of("NetworkPolicy").keys()
    assert cluster.of("Service").keys() == cluster.of("Deployment").keys()
    for name, budget in cluster.of("PodDisruptionBudget").items():
        assert cluster.selected(budget["spec"]["selector"]["matchLabels"]) == {name}
        assert cluster.of("Deployment")[name]["spec"]["replicas"] > budget["spec"]["minAvailable"]


def test_only_who_needs_it_may_ask(full: Cluster) -> None:
    serving, review = (
        full.of("NetworkPolicy")[f"warmstart-{name}"]["spec"] for name in ("serving", "review")
    )

    assert serving["ingress"] == [{"from": [{"podSelector": {}}], "ports": [{"port": "rest"}]}]
    assert review["ingress"] == []
    for policy in (serving, review):
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert policy["egress"] == []


def test_runs_have_these_rights_and_no_more(cluster: Cluster) -> None:
    (binding,) = cluster.of("RoleBinding").values()
    (role,) = cluster.of("Role").values()
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "kubeflow"}

    assert cluster.of("ServiceAccount").keys() == {ACCOUNT}
    assert binding["subjects"] == [account]
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": role["metadata"]["name"],
    }
    assert role["rules"] == [
        {
            "apiGroups": ["argoproj.io"],
            "resources": ["workflowtaskresults"],
            "verbs": ["create", "patch"],
        },
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["kfp-launcher"],
            "verbs": ["get"],
        },
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["mlpipeline-minio-artifact", STORAGE],
            "verbs": ["get"],
        },
    ]
    assert {one["kind"] for one in cluster.objects} & {"ClusterRole", "ClusterRoleBinding"} == set()


def test_storage_keys_have_the_names_that_steps_read(full: Cluster) -> None:
    example = (MANIFESTS / "components/storage/storage.env.example").read_text(encoding="utf-8")

    assert full.of("Secret")[STORAGE]["data"].keys() == KEYS
    offered = re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)
    assert set(offered) == KEYS | OPTIONAL_KEYS


def test_no_secret_is_in_the_repository() -> None:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "kubeflow"]
    tracked = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    examples = sorted(MANIFESTS.rglob("*.env.example"))

    assert len(examples) == 2
    assert not [name for name in tracked.splitlines() if name.endswith(".env")]
    for example in examples:
        ignored = ["git", "check-ignore", "--quiet", example.with_suffix("")]
        assert subprocess.run(ignored, cwd=ROOT, check=False).returncode == 0
        lines = example.read_text(encoding="utf-8").splitlines()
        assert all(line.startswith("#") or line.endswith("=") for line in lines)
    for file in MANIFESTS.rglob("*.yaml"):
        kinds = re.findall(r"^kind: (\w+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert "Secret" not in kinds


def test_build_names_the_file_that_is_to_be_filled_in(tmp_path: Path) -> None:
    folder = with_all_lines(tmp_path / "kubeflow")
    (folder / "components/storage/storage.env").unlink()

    done = build(folder / "overlays/cluster")

    assert done.returncode == 1
    assert "components/storage/storage.env: no such file or directory" in done.stderr


def test_served_model_is_that_of_compose(full: Cluster, compose: Object) -> None:
    container = full.containers()["warmstart-serving"]
    models = next(mount for mount in container["volumeMounts"] if mount["name"] == "models")
    (mount,) = compose["serving"]["volumes"]
    (volume,) = (
        one
        for one in full.pods()["warmstart-serving"]["spec"]["volumes"]
        if one["name"] == "models"
    )

    assert (models["mountPath"], models["readOnly"]) == (mount["target"], mount["read_only"])
    assert volume["persistentVolumeClaim"] == {"claimName": "warmstart-models"}
    assert f"--rest_api_port={PORTS['serving']}" in container["args"]
    # The image's entry point would not hand signals on, and sets these by variables.
    assert container["command"] == ["tensorflow_model_server"]
    assert not [flag for flag in container["args"] if flag.startswith("--model_base_path")]


def test_served_version_is_the_newest_one_only(full: Cluster, compose: Object) -> None:
    container = full.containers()["warmstart-serving"]
    (file,) = [
        flag.partition("=")[2]
        for flag in container["args"]
        if flag.startswith("--model_config_file=")
    ]
    (place,) = [one["mountPath"] for one in container["volumeMounts"] if one["name"] == "config"]
    (found,) = full.of("ConfigMap").values()
    given = text_format.Parse(found["data"][Path(file).name], ModelServerConfig())
    (model,) = given.model_config_list.config

    assert str(Path(file).parent) == place
    assert model.name == compose["serving"]["environment"]["MODEL_NAME"]
    assert model.base_path == compose["serving"]["volumes"][0]["target"]
    assert model.model_platform == "tensorflow"
    assert model.model_version_policy.latest.num_versions == 1


def test_serving_starts_as_many_threads_as_it_may_use(full: Cluster) -> None:
    container = full.containers()["warmstart-serving"]
    cores = container["resources"]["limits"]["cpu"]

    for name in ("intra", "inter"):
        assert f"--tensorflow_{name}_op_parallelism={cores}" in container["args"]


def test_serving_may_wait_for_its_first_version_for_a_day(full: Cluster) -> None:
    probe = full.containers()["warmstart-serving"]["startupProbe"]

    assert probe["periodSeconds"] * probe["failureThreshold"] == 24 * 60 * 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "answers"),
    [
        ("AVAILABLE", {"startupProbe": 200, "readinessProbe": 200, "livenessProbe": 200}),
        ("LOADING", {"startupProbe": 200, "readinessProbe": 404, "livenessProbe": 200}),
    ],
)
def test_serving_is_ready_when_a_version_is(
    full: Cluster, asked: Server, state: str, answers: dict[str, int]
) -> None:
    container = full.containers()["warmstart-serving"]
    asked.state = state
    address = asked.url.partition("/v1/")[0]

    found = {
        probe: requests.get(address + container[probe]["httpGet"]["path"], timeout=10).status_code
        for probe in answers
    }

    assert found == answers


def test_runs_and_review_have_the_folders_of_compose(full: Cluster) -> None:
    for name in ("warmstart-run", "warmstart-review"):
        spec = full.pods()[name]["spec"]
        claims = {
            one["name"]: one["persistentVolumeClaim"]["claimName"]
            for one in spec["volumes"]
            if "persistentVolumeClaim" in one
        }
        mounts = {
            one["mountPath"]: claims.get(one["name"])
            for one in full.containers()[name]["volumeMounts"]
        }
        assert mounts[str(OUTPUT.root)] == "warmstart-output"
        assert mounts[str(OUTPUT.models)] == "warmstart-models"
        # The rest of the file system can only be read.
        assert mounts.keys() >= {"/tmp", "/home/warmstart"}  # noqa: S108


def test_review_asks_for_the_token_of_its_secret(full: Cluster) -> None:
    container = full.containers()["warmstart-review"]
    (variable,) = container["env"]
    help_text = CliRunner().invoke(app, ["review", "--help"], env={"COLUMNS": "200"}).stdout
    example = (MANIFESTS / "components/review/review.env.example").read_text(encoding="utf-8")

    assert variable["name"] in help_text
    assert f"\n{variable['valueFrom']['secretKeyRef']['key']}=\n" in example
    # Who forwards a port calls the page by a name that it cannot know.
    address = container["args"][container["args"].index("--host") + 1]
    assert Access(address, PORTS["review"], "token").hosts is None


@pytest.mark.parametrize("name", ["warmstart-run", "warmstart-review"])
def test_arguments_are_a_command_of_warmstart(full: Cluster, name: str) -> None:
    arguments = full.containers()[name]["args"]

    result = CliRunner().invoke(app, [*arguments, "--output", "/nowhere/at/all"])

    # It fails for want of photos and runs, not of a command or an option.
    assert result.exit_code in {1, 2}
    assert result.stderr.startswith("Error: ")
    assert "No such" not in result.stderr


def test_jobs_wait_until_they_are_asked_for(full: Cluster) -> None:
    jobs = full.of("CronJob")

    assert jobs.keys() == {"warmstart-rollback", "warmstart-run"}
    for job in jobs.values():
        assert job["spec"]["suspend"] is True
    # A second try would take back one more.
    assert jobs["warmstart-rollback"]["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_rollback_serves_the_version_before(full: Cluster, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "saved_model.pb").touch()
    container = full.containers()["warmstart-rollback"]
    (mount,) = container["volumeMounts"]
    arguments = [str(tmp_path) if a == mount["mountPath"] else a for a in container["args"]]

    result = CliRunner().invoke(app, arguments)

    assert result.stdout == "Version 1 is served now; 2 was withdrawn.\n"
    now = served(find_versions(tmp_path))
    assert now is not None
    assert now.number == 1


def test_page_names_what_there_is(full: Cluster) -> None:
    text = (ROOT / "docs" / "kubeflow.md").read_text(encoding="utf-8")
    kinds = {"pod": "Pod", "deployment": "Deployment", "service": "Service", "cronjob": "CronJob"}
    names = re.findall(rf"\b({'|'.join(kinds)})/(warmstart-\w+)", text)

    assert {kind for kind, _ in names} == kinds.keys()
    for kind, name in names:
        assert name in full.of(kinds[kind])
    for folder in re.findall(r"apply -k (kubeflow/\S+)", text):
        assert (ROOT / folder / "kustomization.yaml").is_file()
    images = set(re.findall(r"\bwarmstart-worker:[\d.]+\d", text))
    assert images == {full.containers()["warmstart-files"]["image"]}
    for place, port in re.findall(r"service/warmstart-(\w+) (\d+):\d+", text):
        assert int(port) == PORTS[place]


def test_page_installs_the_kubeflow_of_the_locked_sdk() -> None:
    text = (ROOT / "docs" / "kubeflow.md").read_text(encoding="utf-8")
    packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    (locked,) = [one["version"] for one in packages if one["name"] == "kfp"]

    assert re.findall(r"KFP_VERSION=([\d.]+)", text) == [locked]
