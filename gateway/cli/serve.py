"""`tast1 serve`: run the gateway until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import logs
from gateway.cli.context import DEFAULT_FILE, ConfigFile, Language, console, fail, load
from gateway.config import Settings
from gateway.texts import text
from gateway.texts.rules import said

if TYPE_CHECKING:
    from gateway.app import Gateway

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005


def serve(
    config: ConfigFile = DEFAULT_FILE,
    drain: Annotated[
        float, typer.Option(help="Seconds to wait for calls that are up when told to stop.")
    ] = 30.0,
    lang: Language = "da",
) -> None:
    """Answer calls. Stops on SIGINT or SIGTERM: takes no new calls, waits for those that are up.

    After `tast1 drain` it stops when the last call has ended. SIGHUP has the settings read again, as
    `tast1 reload` does.
    """
    from gateway.edge.edge import EdgeError
    from storage.database import DatabaseError
    from storage.keys import KeysError
    from storage.sealed import MediaError

    # The records of a call are some fifty statements, and each gives the interpreter away. With the usual
    # 5 ms until it comes back, callers wait seconds for their recording when many come at once.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    settings = load(config)
    logs.configure(settings.logs, traced=settings.traces.endpoint is not None)
    if sys.platform == "linux":
        import uvloop

        # Twice the SIP messages a second at the edge.
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(_serve(settings, drain, lang))
    except (DatabaseError, KeysError, MediaError, EdgeError, OSError) as error:
        raise fail(said(str(error), lang)) from None


async def _serve(settings: Settings, drain_s: float, lang: str) -> None:
    from gateway.app import Gateway

    gateway = Gateway(settings)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    hung_up = asyncio.Event()  # before the start: a SIGHUP that comes early must not end the process
    loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    await gateway.start()
    reloading = loop.create_task(_reload_when(hung_up, gateway))
    console.print(text("serve.ready", lang, uri=dial_uri(settings)), style="bold green")
    drained = loop.create_task(gateway.drained.wait())
    told = loop.create_task(stopped.wait())
    await asyncio.wait((drained, told), return_when=asyncio.FIRST_COMPLETED)
    drained.cancel()
    told.cancel()
    up = len(gateway.calls)
    if up:
        console.print(text("serve.draining", lang, count=up))
    reloading.cancel()
    await gateway.stop(drain_s)


async def _reload_when(hung_up: asyncio.Event, gateway: Gateway) -> None:
    """Read the settings again at each SIGHUP; several that come meanwhile are one."""
    from gateway.reloading import BY_SIGNAL

    while True:
        await hung_up.wait()
        hung_up.clear()
        try:
            await gateway.reload(BY_SIGNAL)
        except Exception:
            log.exception("the settings could not be read again; those before stay in force")


def dial_uri(settings: Settings) -> str:
    """The SIP URI to dial this gateway by."""
    sip = settings.sip
    listener = sip.udp or sip.tcp or sip.tls or ""
    host, _, port = listener.rpartition(":")
    if sip.public_host:
        host = sip.public_host
    elif host in ("0.0.0.0", "[::]"):  # noqa: S104  compared, not listened on
        host = "127.0.0.1"
    transport = "" if sip.udp else ";transport=tcp" if sip.tcp else ";transport=tls"
    flows = settings.flows
    user = next((flow.numbers[0] for flow in flows if flow.numbers), "tast1")
    return f"sip:{user}@{host}:{port}{transport}"
