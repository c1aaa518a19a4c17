"""`tast1 transcriber`: a transcriber of its own, for this machine or another on the premises."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Annotated

import typer

from gateway.cli.context import Language, console, fail
from gateway.texts import text
from gateway.texts.rules import said


def transcriber(
    model: Annotated[
        str, typer.Option(help="Folder of a Vosk model, or the name of one that comes with Tast1.")
    ] = "da-demo",
    listen: Annotated[str, typer.Option(help="ADDRESS:PORT to listen on.")] = "127.0.0.1:2700",
    threads: Annotated[
        int | None, typer.Option(help="Streams decoded at once; as many as processors if not given.", min=1)
    ] = None,
    streams: Annotated[int, typer.Option(help="Streams taken at most.", min=1)] = 100,
    lang: Language = "da",
) -> None:
    """Transcribe for gateways on this machine or others: the vosk-server protocol, health and metrics.

    Name it in `transcription.servers` of their settings: ws://ADDRESS:PORT. It keeps neither sound nor words.
    Beyond this machine put it behind a TLS proxy (wss://) or into a network of its own: what it is sent
    is what was said.
    """
    from gateway.config import host_port, listener
    from transcription.models.catalogue import folder_of
    from transcription.recogniser import Model, ModelError
    from transcription.server import Transcriber, be_nice

    try:
        host, port = host_port(listener(listen))
    except ValueError:
        raise fail(text("transcriber.listen", lang, value=listen), 2) from None
    be_nice()
    try:
        with console.status(text("transcriber.loading", lang)):
            loaded = Model(folder_of(model))
        asyncio.run(
            _run(
                Transcriber(loaded, max_streams=streams, threads=threads or os.cpu_count() or 1),
                host,
                port,
                lang,
            )
        )
    except (ModelError, OSError) as error:
        raise fail(said(str(error), lang)) from None


async def _run(transcriber: object, host: str, port: int, lang: str) -> None:
    from transcription.server import Transcriber, serve

    assert isinstance(transcriber, Transcriber)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    runner = await serve(transcriber, host, port)
    facts = transcriber.model.facts
    console.print(
        text(
            "transcriber.ready", lang,
            url=f"ws://{host}:{runner.addresses[0][1]}", model=facts.name, words=facts.vocabulary,
        ),
        style="bold green",
    )  # fmt: skip
    await stopped.wait()
    await runner.cleanup()
    transcriber.close()
