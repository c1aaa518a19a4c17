"""The workers' parent: imports pjsua2 once, then forks a worker whenever the pool asks for one.

`python -m gateway.worker.main --control-fd N --settings JSON`. The control socket (sequenced packets)
carries `{"worker": 7}` with one end of a socket pair in, and `{"worker": 7, "pid": 123}` and
`{"pid": 123, "status": -9}` out. The parent creates no pjsua2 object: what is alive before a fork is
broken after it. When the gateway closes the control socket, nothing more is forked; workers with a call
live until it ends, and the parent leaves with the last of them.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import select
import signal
import socket
import sys

from gateway.worker.call import CallWorker
from gateway.worker.channel import Channel
from gateway.worker.endpoint import SipEndpoint, silence_path
from gateway.worker.settings import WorkerSettings

log = logging.getLogger(__name__)

NICE = -11
LONGEST_MESSAGE = 4096


def main() -> int:
    """Fork workers until the gateway is gone and the last one has ended."""
    parser = argparse.ArgumentParser(description="Parent of the call workers; started by the gateway.")
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--settings", default="{}")
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="worker: %(message)s")
    settings = WorkerSettings.from_json(arguments.settings)
    ask_for_priority()
    Parent(socket.socket(fileno=arguments.control_fd), settings).run()
    return 0


def ask_for_priority() -> None:
    """Ask that audio goes before other work; without the right to it, go on."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    except OSError:
        log.warning(
            "no right to a higher priority: on an overloaded machine sound may break up; "
            "grant CAP_SYS_NICE, or LimitNICE=-11 in the systemd unit"
        )


class Parent:
    """Forks on request, reaps, reports."""

    def __init__(self, control: socket.socket, settings: WorkerSettings) -> None:
        self._control = control
        self._settings = settings
        self._silence = silence_path()
        self._children: set[int] = set()

    def run(self) -> None:
        """Until the control socket is closed and all children have ended."""
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        serving = True
        while serving or self._children:
            wanted: list[int | socket.socket] = [woken]
            if serving:
                wanted.append(self._control)
            ready, _, _ = select.select(wanted, [], [])
            if woken in ready:
                os.read(woken, 512)
                self._reap()
            if self._control in ready:
                serving = self._serve()

    def _serve(self) -> bool:
        try:
            message, fds, _, _ = socket.recv_fds(self._control, LONGEST_MESSAGE, 1)
        except ConnectionError:
            return False
        if not message:
            return False
        worker = json.loads(message)["worker"]
        pid = os.fork()
        if pid == 0:
            self._become_worker(fds[0])
        os.close(fds[0])
        self._children.add(pid)
        self._report({"worker": worker, "pid": pid})
        return True

    def _become_worker(self, fd: int) -> None:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._control.close()
            work(socket.socket(fileno=fd), self._settings, self._silence)
            status = 0
        except Exception as error:
            log.error("a worker failed", extra={"error": type(error).__name__, "pii": {"text": str(error)}})
        finally:
            os._exit(status)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)
            self._report({"pid": pid, "status": os.waitstatus_to_exitcode(status)})

    def _report(self, message: dict[str, int]) -> None:
        try:
            self._control.send(json.dumps(message).encode(), socket.MSG_DONTWAIT)
        except OSError:
            return  # the gateway is gone; nobody wants to know


def work(connection: socket.socket, settings: WorkerSettings, silence_wav: str) -> None:
    """Be a worker: one endpoint, one call. The process must end with `os._exit` after it."""
    call: list[CallWorker] = []
    endpoint = SipEndpoint(settings, on_rejected=lambda status: call[0].rejected(status))
    call.append(CallWorker(endpoint, Channel(connection), silence_wav))
    signal.signal(signal.SIGTERM, lambda *_: call[0].stop())
    call[0].run()
    call[0].destroy()
    endpoint.libDestroy()


if __name__ == "__main__":
    sys.exit(main())
