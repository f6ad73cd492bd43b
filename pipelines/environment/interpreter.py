"""Python and the C library that the locked wheels were built for."""

from __future__ import annotations

import platform
import sys

from pipelines.environment.checks import FAIL, PASS, WARN, Check
from pipelines.environment.locked_versions import PYTHON, find_lock, glibc_needed, needed_packages


def check_python() -> Check:
    """Looks at the interpreter and the platform: TFX has wheels for one of each."""
    name = f"{platform.python_implementation()} {platform.python_version()}"
    found = f"{name} on {platform.system()} {platform.machine()}"
    fits = sys.version_info[:2] == PYTHON and platform.python_implementation() == "CPython"
    if fits and (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        return Check("Python", PASS, found)
    wanted = ".".join(map(str, PYTHON))
    return Check(
        "Python", FAIL, f"{found}; TFX needs CPython {wanted} on Linux x86_64, as the image has."
    )


def check_glibc() -> Check:
    """Compares the C library with the newest that a locked wheel asks for."""
    library, text = platform.libc_ver()
    lock = find_lock()
    if library != "glibc":
        return Check(
            "glibc", FAIL, f"The C library is no glibc ({library or 'unknown'}); use the image."
        )
    if not lock:
        return Check("glibc", WARN, f"{text}; uv.lock is not here to say what is needed.")
    needed = glibc_needed(needed_packages(lock))
    wanted = ".".join(map(str, needed))
    if tuple(map(int, text.split("."))) < needed:
        return Check("glibc", FAIL, f"{text}, and a locked wheel needs {wanted}; use the image.")
    return Check("glibc", PASS, f"{text}; the locked wheels need {wanted}.")
