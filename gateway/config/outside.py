"""What is outside: the identity provider and the webhooks of `web`, the bucket of `storage`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.config.kinds import BaseUrl, FilePath, HttpUrl, Names, SecretFile, Section, once, setting
from storage.policy.duties import ROLES

WebhookEvent = Literal[
    "call.ended",
    "recording.sealed",
    "consent.withdrawn",
    "artifact.erased",
    "request.received",
    "request.due",
    "deviation",
]
"""What a webhook may be told of."""


def _role(name: str) -> str:
    if name not in ROLES:
        raise ValueError(f"is no role that a provider can give (choose one of {', '.join(ROLES)})")
    return name


def _scopes(names: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in names:
        raise ValueError("lacks openid, without which nobody is signed in (add it)")
    return names


class OidcSection(Section):
    """An OpenID Connect provider through which people sign in."""

    issuer: HttpUrl = Field(description="Its issuer, exactly as its own configuration names it.")
    client_id: str = Field(description="What this gateway is called there.", min_length=1, max_length=255)
    client_secret: SecretFile | None = setting(
        None,
        "file:PATH of the client's secret; null: a public client, protected by PKCE alone.",
        secret=True,
    )
    redirect_base: BaseUrl = Field(
        description="How browsers reach this gateway: https://HOST or https://HOST:PORT. Register"
        " /api/v1/sign-in/oidc/callback below it with the provider, and /console/ for signing out."
    )
    scopes: Annotated[Names, AfterValidator(_scopes)] = setting(
        ("openid", "profile"), "Scopes that are asked for; openid is one of them."
    )
    user_claim: str = setting(
        "sub", "Claim that proposes the id of a new user; who it is, the subject says.", min_length=1
    )
    role_claim: str = setting(
        "roles",
        "Claim with roles or groups; dots lead inside (realm_access.roles).",
        min_length=1,
    )
    roles: dict[str, Annotated[str, AfterValidator(_role)]] = Field(
        description="Value of that claim: the role it gives here.", min_length=1
    )
    api_audience: str | None = setting(
        None,
        "Audience of access tokens that programs may send as Bearer; null: none is accepted.",
        min_length=1,
        max_length=255,
    )
    end_session: bool = setting(
        True, "Whether signing out here ends the session at the provider too, if it offers that."
    )
    ca_file: FilePath | None = setting(
        None, "PEM file with the authorities that vouch for the provider; null: the system's."
    )


class BucketSection(Section):
    """Object storage that speaks S3, when storage.media names a bucket."""

    endpoint: HttpUrl | None = setting(
        None, "Address of the server, such as https://s3.example.dk; null: Amazon S3 in the region."
    )
    region: str = setting("eu-central-1", "Its region, as requests are signed for it.", min_length=1)
    access_key: SecretFile | None = setting(
        None, "file:PATH of the access key's id; null: what the environment says.", secret=True
    )
    secret_key: SecretFile | None = setting(None, "file:PATH of the secret access key.", secret=True)
    versions: Literal["refuse", "expire"] = setting(
        "refuse",
        "A bucket that keeps versions: refuse to store there, or expire: the bucket itself drops old versions"
        " within policy.backup.max_lag_days.",
    )


class WebhookSection(Section):
    """Somebody who is told of events, without personal data."""

    url: HttpUrl = Field(description="Where to POST; https, or this machine.")
    secret: SecretFile = setting(..., "file:PATH of the secret to sign with; 16 bytes or more.", secret=True)
    events: Annotated[tuple[WebhookEvent, ...], AfterValidator(once), Field(min_length=1)] = Field(
        description="What to tell of."
    )
