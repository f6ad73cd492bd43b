"""A script of decoding processes that some photos can harm: each begins with what it does."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]

# What is done with a file that begins so; with any other, the usual.
_HARM = {
    b"hangs": "while True: pass",
    b"waits": "time.sleep(600)",
    b"crashes": "os.kill(os.getpid(), signal.SIGSEGV)",
    b"is killed": "os.kill(os.getpid(), signal.SIGKILL)",
    b"eats memory": "hoard = [bytearray(1 << 24) for _ in range(1 << 20)]",
    b"ends": "os._exit(0)",
    b"lies": "return process.Facts(mode='RGB', sent=(1 << 20, 1 << 20)), b'?'",
    b"brags": "return process.Facts(mode='RGB', sent=(9, 9)), bytes(1 << 20)",
    b"tells": "return process.Facts('broken', str(dict(os.environ))), b''",
    b"writes": "open(content[7:], 'wb').write(b'?' * 99999)",
}

# Before any of these, a photo may say that it is a TIFF file.
TIFF = b"II*\0"


def harmed_script(folder: Path) -> str:
    """Writes the script into a folder; returns its path."""
    script = folder / "harmed_process.py"
    harm = "".join(
        f"    if content.removeprefix({TIFF!r}).startswith({start!r}):\n        {what}\n"
        for start, what in _HARM.items()
    )
    script.write_text(
        "import os, signal, sys, time\n"
        f"sys.path[:0] = [{str(ROOT)!r}]\n"
        "sys.path.append(sys.argv[1])\n"
        "from decoding import process\n"
        "def decode(content, most_pixels, wanted):\n"
        f"{harm}    return process.decode(content, most_pixels, wanted)\n"
        "process.serve(decode)\n"
    )
    return str(script)
