"""The web application: the API, health, and what else the gateway serves to browsers."""

from __future__ import annotations

import asyncio

from aiohttp import web

from gateway.web.api import (
    archive,
    claims,
    compliance,
    live,
    oidc,
    oversight,
    people,
    prompts,
    recordings,
    requests,
    sign_in,
)
from gateway.web.api.ask import Running
from gateway.web.api.route import Route
from gateway.web.api.serve import BODY_BYTES, Service, add_api, without_rule
from gateway.web.api.sessions import Sessions
from gateway.web.oidc.sign_in import ProviderSignIn

ROUTES: tuple[Route, ...] = (
    *sign_in.routes.all,
    *oidc.routes.all,
    *sign_in.meta.all,
    *live.routes.all,
    *archive.routes.all,
    *recordings.routes.all,
    *requests.routes.all,
    *claims.complaint_routes.all,
    *claims.case_routes.all,
    *compliance.sample_routes.all,
    *compliance.order_routes.all,
    *compliance.task_routes.all,
    *people.routes.all,
    *oversight.routes.all,
    *prompts.routes.all,
)
"""Every route of the API."""

PUBLIC_PATHS = ("/livez", "/readyz", "/console")
"""What else is served, without a rule: health, and the pages of the console, which hold no data."""


def api_app(
    running: Running, secure: bool = False, provider: ProviderSignIn | None = None
) -> web.Application:
    """The application. `secure`: it is reached over TLS, so cookies are for TLS only.

    `provider`: through which people sign in beside tokens; closed with the application.
    `ValueError` for a route without a rule: it is never served.
    """
    app = web.Application(client_max_size=BODY_BYTES)
    secure = secure or (provider is not None and provider.secure)
    add_api(app, Service(running, ROUTES, Sessions(secure, provider), provider))
    if provider is not None:
        app.on_cleanup.append(lambda _: provider.close())
    app[recordings.EAR] = recordings.Ear()
    app[prompts.STUDIO] = asyncio.Lock()
    return app


def check(app: web.Application) -> None:
    """That every route of a complete application has a rule; `ValueError` names those without."""
    if found := without_rule(app, PUBLIC_PATHS):
        raise ValueError(f"these routes have no rule: {', '.join(found)}")
