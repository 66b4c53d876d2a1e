"""Keeps one command from outliving whoever asked for it: `python -m workers.jobs.process_guard COMMAND…`.

The command runs until it ends, until standard input ends (the asker stopped it, or died, however it died), or until this
process is asked to end. It is then asked to end itself (SIGTERM), and killed if it does not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

SHUTDOWN_TIMEOUT_SECONDS = 10.0


def main(command: list[str]) -> int:
    """Run the command and return its exit code, negative for a signal."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)  # a lock the asker passed on goes with it
    ending = threading.Lock()

    def end() -> None:
        if not ending.acquire(blocking=False):
            return
        child.terminate()
        timer = threading.Timer(SHUTDOWN_TIMEOUT_SECONDS, child.kill)
        timer.daemon = True
        timer.start()

    def watch_input() -> None:
        while os.read(0, 4096):
            pass
        end()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        end()

    signal.signal(signal.SIGTERM, on_signal)
    threading.Thread(target=watch_input, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
