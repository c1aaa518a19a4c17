"""Prompts held in memory as they were verified: what is played is what the consent record names.

A consent record names a prompt by its hash. Were it played from its file, somebody who voices it anew in
place would have callers hear one thing and the records say another. So what calls are played is a copy in
memory, made of the bytes that have the hash; the file is looked at again when the settings are.
"""

from __future__ import annotations

import hashlib
import os
import weakref
from dataclasses import replace
from pathlib import Path

from ivr_prompts.catalogue import Catalogue, CatalogueError, Prompt


class HeldPath(type(Path())):  # type: ignore[misc]  # the kind of path that this system has
    """A path that any process of the same user may open, as long as this object and this process live."""


def held(catalogue: Catalogue) -> Catalogue:
    """The same prompts, each with its sound in memory (Linux, memfd); given back with the last who has it.

    `CatalogueError` when a file is not any more what the catalogue verified.
    """
    return Catalogue(
        {
            name: {role: _held(prompt) for role, prompt in catalogue[name].items()}
            for name in catalogue.languages
        }
    )


def _held(prompt: Prompt) -> Prompt:
    try:
        sound = prompt.path.read_bytes()
    except OSError:
        sound = b""
    if hashlib.sha256(sound).hexdigest() != prompt.sha256:
        raise CatalogueError([f"{prompt.path} was changed while it was read (try again)"])
    descriptor = os.memfd_create(f"prompt-{prompt.role}", os.MFD_CLOEXEC)
    path = HeldPath(f"/proc/{os.getpid()}/fd/{descriptor}")
    weakref.finalize(path, os.close, descriptor)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(sound)
    return replace(prompt, path=path)
