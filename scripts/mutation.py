"""Changes the code at one place at a time, and counts the changes that no test notices.

    make mutation ARGS="components/dataset review/naming.py --sample 100"

mutmut makes the mutants, and lets each meet the tests that reach its function. It changes the
bodies of functions only: no property, no constant. The work is done in a copy, `build/mutation`.
Slow tests and those that need the real run of the pipeline take no part.

A process in which TensorFlow has computed can't be forked. With `--preload` no test runs in the
process that is forked for each mutant: it imports those modules, and nothing else. Without, tests
were run and all their imports are there, which is faster for modules that import no TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "mutation"
SOURCES = ("cli", "components", "decoding", "pipelines", "review", "samples", "schemas")

# The others survived, or no test reaches them.
NOTICED = {"killed", "timeout", "segfault"}


def main() -> int:
    """Runs the mutants that were asked for; returns 1 if too many of them live."""
    asked = _parser().parse_args()
    files = sorted(set(_files_in(asked.paths)))
    tests = asked.tests or sorted(set(map(_tests_of, files)))
    _copy_checkout(files, tests, asked.preload)
    os.chdir(WORK)
    mutants = [name for file in files for name in _mutants_of(file)]
    chosen = mutants
    if asked.sample is not None and asked.sample < len(mutants):
        chosen = sorted(random.Random(asked.seed).sample(mutants, asked.sample))  # noqa: S311
    print(f"{len(chosen)} of {len(mutants)} mutants of {len(files)} files", flush=True)
    ran = _mutmut("run", "--max-children", str(asked.processes), *chosen)
    if ran.returncode:
        return ran.returncode
    return _report(_states(), chosen, asked.least)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", help="files or folders of the code, from the root")
    parser.add_argument("--sample", type=int, help="how many mutants, drawn at random; else all")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--tests", nargs="+", help="files or folders; else the folders that mirror")
    parser.add_argument("--preload", nargs="+", default=[], help="modules, such as tensorflow tfx")
    parser.add_argument("--processes", type=int, default=2, help="mutants at a time")
    parser.add_argument("--least", type=float, default=80, help="percent that must be noticed")
    return parser


def _files_in(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        place = ROOT / path
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            if file.name != "__init__.py":
                yield file.relative_to(ROOT).as_posix()


def _tests_of(file: str) -> str:
    """Returns the folder of tests that mirrors that of a file."""
    return str(Path("tests", file).parent)


def _copy_checkout(files: Iterable[str], tests: list[str], preload: list[str]) -> None:
    """Copies what git knows, and tells mutmut there what to do."""
    shutil.rmtree(WORK, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = ROOT / name, WORK / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    settings = {
        "source_paths": [*SOURCES],
        "only_mutate": list(files),
        "also_copy": sorted(
            entry.name for entry in WORK.iterdir() if entry.name not in {*SOURCES, "tests"}
        ),
        "pytest_add_cli_args": ["-m", "not slow and not real_run", "-p", "no:cacheprovider"],
        "pytest_add_cli_args_test_selection": tests,
        "track_dependencies": False,
        "use_git_change_detection": False,
    }
    if preload:
        (WORK / "preload.txt").write_text("\n".join(preload), encoding="utf-8")
        settings |= {
            "process_isolation": "forkserver",
            "forkserver_warmup": "import",
            "preload_modules_file": "preload.txt",
        }
    # What JSON and TOML have in common.
    lines = [
        f"{key} = {'true' if value is True else 'false' if value is False else json.dumps(value)}"
        for key, value in settings.items()
    ]
    with (WORK / "pyproject.toml").open("a", encoding="utf-8") as stream:
        stream.write("\n".join(["\n[tool.mutmut]", *lines, ""]))


def _mutants_of(file: str) -> list[str]:
    made = mutate_file_contents(file, Path(file).read_text(encoding="utf-8"))
    return [get_mutant_name(Path(file), name) for name in made.mutant_names]


def _states() -> dict[str, str]:
    """Returns what became of each mutant that was run, by its name."""
    told = _mutmut("results", "--all", "true", stdout=subprocess.PIPE)
    told.check_returncode()
    pairs = (line.strip().rpartition(": ") for line in told.stdout.splitlines())
    return {name: state for name, _, state in pairs}


def _mutmut(*arguments: str, stdout: int | None = None) -> subprocess.CompletedProcess[str]:
    # Run with -m, mutmut would be imported twice.
    command = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()", *arguments]
    return subprocess.run(command, check=False, stdout=stdout, text=True)


def _report(states: dict[str, str], chosen: Iterable[str], least: float) -> int:
    """Prints the share that was noticed by module, and each mutant that was not."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name in chosen:
        counts[name.rpartition(".")[0]][states[name]] += 1
    total: Counter[str] = Counter()
    for module, of_module in sorted(counts.items()):
        total += of_module
        print(f"{_share(of_module):6.1f} % of {of_module.total():4}  {module}")
    print(f"{_share(total):6.1f} % of {total.total():4}  in all: {dict(total)}")
    for name in chosen:
        if states[name] not in NOTICED:
            print(f"{states[name]}: {name}")
    return int(_share(total) < least)


def _share(states: Counter[str]) -> float:
    return 100 * sum(states[state] for state in NOTICED) / max(1, states.total())


if __name__ == "__main__":
    sys.exit(main())
