"""Settings of `storage.key`: where keys are kept when not in one file, and who may open."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.config.kinds import FilePath, Seconds, SecretFile, Section, setting

Command = Annotated[tuple[str, ...], Field(max_length=64)]


class TokenSection(Section):
    """An AES key in a PKCS#11 token; it never leaves it."""

    module: FilePath = setting(..., "The token's PKCS#11 library.")
    token: str = setting(..., "Label of the token.", min_length=1)
    key: str = setting("tast1", "Label of the AES key in it, which may encrypt and decrypt.", min_length=1)
    pin: SecretFile = setting(..., "file:PATH of the user's PIN.", secret=True)


class OtherKeySection(Section):
    """A key that opens what was wrapped with it: one before, or the next one; one of these is given."""

    key_file: FilePath | None = setting(None, "A key file.")
    command: Command = setting((), "A program that prints the key, and its arguments.")
    pkcs11: TokenSection | None = setting(None, "A key in a PKCS#11 token.")
    private_key: FilePath | None = setting(None, "PEM file of a private key.")


class KeySection(Section):
    """The key encryption key, where it is not in storage.key_file, and who may open."""

    command: Command = setting(
        (),
        "Program that prints the key encryption key (32 bytes, or those in hex or Base64), and its arguments."
        " Empty: none.",
    )
    command_timeout_s: Seconds = setting(10.0, "Seconds that such a program may take.", gt=0, le=120)
    pkcs11: TokenSection | None = setting(
        None, "An AES key in a PKCS#11 token, in place of a key file; null: none."
    )
    public_key: FilePath | None = setting(
        None,
        "PEM file of a public key (X25519): what is recorded is sealed for who has the private key and cannot"
        " be opened here; null: it can.",
    )
    private_key: FilePath | None = setting(
        None, "PEM file of the private key, on the nodes that open; null: none."
    )
    others: tuple[OtherKeySection, ...] = setting(
        (), "Other keys that open: those before, and the next one before it is put in use."
    )
