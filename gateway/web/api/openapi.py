"""The contract of the API (OpenAPI 3.1), made from the handlers' types: what is served is what it says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from gateway.web.api.ask import CASE, PURPOSE, REASON, ROLE
from gateway.web.api.problems import STATUS
from gateway.web.api.route import Route
from gateway.web.api.serve import KEY, PREFIX, adapter
from gateway.web.api.sessions import COOKIE, CSRF
from storage.policy.duties import ROLES

_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "enum": [f"/problems/{name}" for name in STATUS]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong and what to do, in Danish or English."},
        "rule": {"type": "string", "description": "The rule of the policy behind it, such as R-50."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key", "why"],
                "properties": {"key": {"type": "string"}, "why": {"type": "string"}},
            },
        },
        "sign_in": {"type": "array", "items": {"type": "string"}},
    },
}


def contract(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The document."""
    routes = list(routes)
    kinds: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = []
    for route in routes:
        for kind, mode in ((route.body, "validation"), (route.returns, "serialization")):
            if kind is not None:
                kinds.append((f"{route.name} {mode}", mode, adapter(kind)))  # type: ignore[arg-type]
    refs, shared = TypeAdapter.json_schemas(kinds, ref_template=_REF)
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tast1",
            "version": version,
            "description": "Calls, recordings, transcripts, consent, cases and rights of a Tast1 gateway.",
            "license": {"name": "Proprietary"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": {**shared.get("$defs", {}), "Problem": _PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def _operation(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    summary, _, more = route.summary.partition("\n")
    told: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": summary,
        "x-rule": route.rule.name,
        "x-roles": list(route.rule.roles) if route.rule.roles is not None else None,
        "parameters": list(_parameters(route)),
        "responses": _responses(route, refs),
    }
    if more.strip():
        told["description"] = more.strip()
    if not route.rule.public:
        told["security"] = [{"token": []}, {"session": []}]
    else:
        told["security"] = []
    if route.body is not None:
        schema = refs[(f"{route.name} validation", "validation")]
        kind = "multipart/form-data" if route.form else "application/json"
        told["requestBody"] = {"required": True, "content": {kind: {"schema": schema}}}
    return told


def _parameters(route: Route) -> Iterable[dict[str, Any]]:
    for name in route.parameters:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 200}}
    if route.query is not None:
        schema = TypeAdapter(route.query).json_schema(ref_template=_REF)
        for name, each in schema.get("properties", {}).items():
            yield {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "description": each.pop("description", ""),
                "schema": _resolved(each, schema),
            }
    if route.capacity:
        yield _header(ROLE, "The role you act in; may be left out when only one fits.", sorted(ROLES))
        yield _header(PURPOSE, "For what: a purpose of the ground it is kept on.")
        yield _header(CASE, "The case it is for.")
        yield _header(REASON, "Why, in your own words: UTF-8, percent-encoded.")
    if route.method != "GET" and not route.rule.public:
        yield _header(CSRF, "Of the session, where a cookie signs in.")
    if route.replayed:
        yield _header(KEY, "Sent again with the same key, a request does nothing and is answered as before.")


def _resolved(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema, with the enumerations it refers to in place."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name:
        return dict(whole["$defs"][name])
    if "anyOf" in schema:
        return {**schema, "anyOf": [_resolved(each, whole) for each in schema["anyOf"]]}
    return schema


def _header(name: str, why: str, values: list[str] | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if values:
        schema["examples"] = values[:1]
    return {"name": name, "in": "header", "required": False, "description": why, "schema": schema}


def _responses(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    if route.media:
        raw: dict[str, Any] = {"type": "string", "format": "binary"}
        content = {kind: {"schema": raw} for kind in route.media}
        good: dict[str, Any] = {"description": "Done.", "content": content}
    elif route.returns is not None:
        schema = refs[(f"{route.name} serialization", "serialization")]
        good = {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    else:
        good = {"description": "Done."}
    found = {str(route.status): good}
    for name in _problems(route):
        status = str(STATUS[name])
        found[status] = {
            "description": f"{found[status]['description']} or {name}" if status in found else name,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    if "range-not-satisfiable" in route.problems:
        found["206"] = {**good, "description": "A part of it."}
    return dict(sorted(found.items()))


def _problems(route: Route) -> list[str]:
    names = ["too-many-requests", "unavailable"]
    if not route.rule.public:
        names += ["sign-in-failed", "not-allowed"]
    if route.parameters:
        names.append("not-found")
    if route.method != "GET":
        names += ["refused", "conflict"]
    if route.body is not None:
        names += ["malformed", "too-large", "invalid"]
    if route.query is not None or route.capacity:
        names.append("invalid")
    return list(dict.fromkeys([*names, *route.problems]))
