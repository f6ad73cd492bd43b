"""Tests that Ctrl-C ends a process in time, whatever it does."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from waiting import wait_until

from cli.interruption import INTERRUPTED, ended_in_time

SCRIPT = """
import sys, time
from cli.interruption import ended_in_time

def last_words():
    print("last words", flush=True)

try:
    with ended_in_time(last_words, patience=float(sys.argv[1])):
        {body}
except KeyboardInterrupt:
    print("ended by itself", flush=True)
"""
BEGIN = "print('begun', flush=True); time.sleep(30)"
HEARING = BEGIN


def started(body: str, patience: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(body=body), str(patience)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_what_hears_the_signal_ends_by_itself() -> None:
    process = started(HEARING, patience=20)
    process.send_signal(signal.SIGINT)

    said, _ = process.communicate(timeout=20)
    assert said == "ended by itself\n"
    assert process.returncode == 0


STUBBORN = "\n        ".join(
    ["while True:", f"    try: {BEGIN}", "    except KeyboardInterrupt: pass"]
)


def test_what_does_not_end_is_ended_after_its_last_words() -> None:
    process = started(STUBBORN, patience=0.2)
    process.send_signal(signal.SIGINT)

    said, _ = process.communicate(timeout=20)
    assert said == "begun\nlast words\n"
    assert process.returncode == INTERRUPTED


def test_second_signal_ends_it_at_once() -> None:
    with started(STUBBORN, patience=60) as process:

        def ended() -> bool:
            process.send_signal(signal.SIGINT)
            return process.poll() is not None

        wait_until(ended)
        assert process.wait(timeout=20) == INTERRUPTED


def test_handler_of_before_is_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with ended_in_time(lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before

    assert signal.getsignal(signal.SIGINT) is before


def test_other_thread_runs_as_it_is() -> None:
    ran = []

    def run() -> None:
        with ended_in_time(lambda: None):
            ran.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ran == [True]


def test_block_that_ends_after_ctrl_c_is_not_ended_later() -> None:
    before, others = signal.getsignal(signal.SIGINT), threading.enumerate()

    with pytest.raises(KeyboardInterrupt), ended_in_time(lambda: None, patience=600):
        signal.raise_signal(signal.SIGINT)

    wait_until(lambda: set(threading.enumerate()) <= set(others))
    assert signal.getsignal(signal.SIGINT) is before
