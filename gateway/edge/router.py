"""Router: what becomes of each message, decided without a socket. Time is an argument.

1. From outside, only an INVITE without a To tag takes a worker, and only if a trunk sent it.
2. A request within a dialog reaches the worker whose signed route it carries, from any address; without
   one, only a trunk's request whose URI (our Contact) names a worker.
3. A response passes only if our own branch in it recomputes from the Via below (`keys.Keys.branch`).
4. From inside, only a worker may send. It may send anywhere but to ourselves.
5. Nothing here must be remembered: what is (`Remembered`) only spares a repeated INVITE a second worker,
   and heartbeats restore it.

Not done: forwarding a request from outside to anywhere but a worker; strict routing (RFC 2543) by the next
hop; repair of SDP; a switch from UDP to TCP for requests over 1,300 bytes (RFC 3261 §18.1.1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from gateway.edge import admission, identity, nat, proxy
from gateway.edge.admission import Refusal
from gateway.edge.answers import METHODS, answer, reply_flow, top_via
from gateway.edge.fields import Malformed, Uri, address_of, parse_uri
from gateway.edge.flows import Flow, flow_of
from gateway.edge.keys import Keys
from gateway.edge.lexer import Message, header, parse
from gateway.edge.outcomes import Dropped, Ours, Outcome, ToFlow, ToPlace, ToWorker
from gateway.edge.proxy import Places
from gateway.edge.refers import Decide, read_refer, refuse
from gateway.edge.remembered import Remembered
from gateway.edge.settings import EdgeSettings, TrunkSettings
from gateway.edge.trunks import UNKNOWN, Known, Trunks
from gateway.edge.workers import Workers

_REFUSED_S = 40.0  # an INVITE is repeated for 32 s (RFC 3261 timer B), and its ACK comes after that
_PENDING_S = 300.0  # how long a phone may ring without a word
_MOST = 10000


class Router:
    """Decides for one edge. `started`: when it began, on the clock of every `now` (monotonic seconds)."""

    def __init__(
        self,
        settings: EdgeSettings,
        places: Places,
        keys: Keys,
        workers: Workers,
        started: float,
        counts: Counter[str],
        calls_refused: Counter[str] | None = None,
        certified: Callable[[Flow], frozenset[str]] = lambda flow: frozenset(),
        is_own: Callable[[bytes], bool] = lambda branch: False,
        decide: Decide = refuse,
    ) -> None:
        """`certified`: the names in a connection's client certificate; `is_own`: whether a branch is one of
        a request of the edge's own."""
        self.draining = False
        self.counts = counts
        self.calls_refused = Counter() if calls_refused is None else calls_refused
        """Calls that no worker was given, by reason; a repeated INVITE counts once."""
        self._decide = decide
        self._settings = settings
        self._limits = settings.limits
        self._places = places
        self._keys = keys
        self._workers = workers
        self._settled = started + settings.settle_s
        self._certified = certified
        self._is_own = is_own
        self.trunks = Trunks(settings, keys.secret)
        self._messages = admission.Buckets(self._limits.messages_per_s, self._limits.message_burst)
        self._invites = admission.Buckets(self._limits.invites_per_s, self._limits.invite_burst)
        self._pending: Remembered[int] = Remembered(_MOST)
        self._refused: Remembered[bytes] = Remembered(_MOST)
        self._counted: Remembered[bool] = Remembered(_MOST)
        self._now = started

    def use(self, settings: EdgeSettings) -> None:
        """Trunks, limits and answers of `settings` from now on; the rest stays as it began."""
        self._settings = settings
        self._limits = settings.limits
        self.trunks = Trunks(settings, self._keys.secret)
        self._messages.use(self._limits.messages_per_s, self._limits.message_burst)
        self._invites.use(self._limits.invites_per_s, self._limits.invite_burst)

    # --- from outside ---------------------------------------------------------------------------

    def from_outside(self, data: bytes, source: Flow, now: float) -> Outcome:
        """What becomes of a message that came to a public listener."""
        self._now = now
        if not self._messages.take(source.host, now):
            return self._drop("message_rate")
        if not data.strip(b"\r\n\0 "):
            return self._drop("keep_alive")
        try:
            message = self._parsed(data)
            if message.status:
                return self._response_from_outside(message)
            try:
                message, ours, others = proxy.take_routes(proxy.received(message, source), self._places)
                return self._request_from_outside(message, ours, others, source, now)
            except Malformed as error:
                raise error.with_fields(message.start, message.headers) from None
        except Malformed as error:
            return self._malformed(error, source, data)

    def _parsed(self, data: bytes) -> Message:
        limits = self._limits
        if len(data) <= limits.message_bytes:
            return parse(data, headers=limits.headers, line_bytes=limits.line_bytes)
        try:
            message = parse(
                data[: limits.message_bytes], headers=limits.headers, line_bytes=limits.line_bytes
            )
        except Malformed as error:
            if error.reason == "lone_line_end":  # its fields must not be repeated in an answer
                raise
            raise Malformed("size", 513).with_fields(error.start, error.fields) from None
        raise Malformed("size", 513).with_fields(message.start, message.headers)

    def _request_from_outside(
        self, message: Message, ours: list[Uri], others: list[bytes], source: Flow, now: float
    ) -> Outcome:
        port = None
        if message.to_tag or message.method in (b"ACK", b"CANCEL"):  # what forms a dialog ignores `w`
            port = self._signed_port(message, ours)
        known = Known(UNKNOWN)
        if port is None:
            found = self.trunks.admit(message, source.host, self._certified(source), now)
            if found is None:
                return self._unknown(message, source)
            if isinstance(found, Refusal):
                return self._challenge(message, source, found)
            known = found
        if others:
            return self._refuse(message, source, Refusal("foreign_route", 403))
        if port is None and message.to_tag and known.proven:
            port = self._named_port(message)
        refusal = self._refusal(message, in_dialog=port is not None)
        if refusal:
            return self._refuse(message, source, refusal)
        if port is not None:
            return self._within_dialog(message, port, source, now)
        if message.method == b"OPTIONS":
            return self._options(message, source)
        if message.method == b"INVITE" and not message.to_tag:
            return self._invite(message, source, now, known.trunk)
        if message.method in (b"CANCEL", b"ACK"):
            return self._after_invite(message, source, now)
        return self._refuse(message, source, Refusal("no_dialog", 481))

    def _unknown(self, message: Message, source: Flow) -> Outcome:
        if self._settings.answer_unknown:
            return self._refuse(message, source, Refusal("unknown_source", 403))
        self._count_call(message, "unknown_source")
        return self._drop("unknown_source")

    def _challenge(self, message: Message, source: Flow, refusal: Refusal) -> Outcome:
        # Nothing is remembered, and no call is refused yet: a telephone answers it with another INVITE.
        self.counts[f"refused:{refusal.reason}"] += 1
        data = answer(message.headers, refusal.status, self._tag(message), refusal.headers)
        return ToFlow(reply_flow(message.vias[0], source), data)

    def _signed_port(self, message: Message, ours: list[Uri]) -> int | None:
        for uri in [*ours, *self._own_request_uri(message)]:
            port = self._keys.worker_port(uri.params.get(b"w") or b"", message.call_id)
            if port is not None:
                return port
        return None

    def _named_port(self, message: Message) -> int | None:
        # A peer that ignores Record-Route sends to the worker's Contact, `sip:gw@PUBLIC:5060;w=PORT`.
        for uri in self._own_request_uri(message):
            name = uri.params.get(b"w") or b""
            if name.isdigit() and len(name) <= 5 and self._workers.is_worker(int(name)):
                return int(name)
        return None

    def _own_request_uri(self, message: Message) -> list[Uri]:
        if not message.uri.lower().startswith((b"sip:", b"sips:")):
            return []
        uri = parse_uri(message.uri)
        return [uri] if self._places.is_ours(uri) else []

    def _refusal(self, message: Message, in_dialog: bool) -> Refusal | None:
        asked_for = in_dialog and message.method == b"REFER"
        refusal = (
            (None if asked_for else admission.refuse_method(message))
            or admission.refuse_uri(message)
            or admission.refuse_extensions(message)
            or admission.refuse_body(message, self._limits)
        )
        if refusal:
            return refusal
        if not proxy.hops_left(message) and message.method != b"OPTIONS":
            return Refusal("hops", 483)
        if message.has(b"require") and message.method == b"OPTIONS":
            asked = b", ".join(message.items(b"require"))
            return Refusal("extension", 420, (header(b"Unsupported", asked),))
        return None

    def _within_dialog(self, message: Message, port: int, source: Flow, now: float) -> Outcome:
        if not self._workers.is_worker(port):
            if now < self._settled:
                return self._drop("settling")
            return self._refuse(message, source, Refusal("worker_gone", 481))
        # pjsua answers both with 500, and trunks audit their dialogs by OPTIONS.
        if message.method == b"OPTIONS" or (message.method == b"INFO" and not message.body.strip()):
            return self._ok(message, source)
        if message.method == b"REFER":
            return self._refer(message, source, now)
        return self._to_worker(message, port, source)

    def _refer(self, message: Message, source: Flow, now: float) -> Outcome:
        """Ask the call flow; a repeated REFER gets the same answer."""
        branch = self._branch(b"in", message)
        again = self._refused.get(branch, now)
        if again is not None:
            return ToFlow(reply_flow(message.vias[0], source), again)
        status = self._decide(read_refer(message, self._places))
        if status != 202:
            return self._refuse(message, source, Refusal("refer", status), branch, now)
        self.counts["referred"] += 1
        # Our Contact in this dialog is what the telephone has put into the request line.
        data = answer(message.headers, 202, self._tag(message), (header(b"Contact", b"<%s>" % message.uri),))
        self._refused.put(branch, data, now + _REFUSED_S, now)
        return ToFlow(reply_flow(message.vias[0], source), data)

    def _options(self, message: Message, source: Flow) -> Outcome:
        if message.to_tag:
            return self._refuse(message, source, Refusal("no_dialog", 481))
        if self.draining:
            return self._refuse(message, source, self._busy("draining"))
        return self._ok(message, source)

    def _invite(self, message: Message, source: Flow, now: float, trunk: TrunkSettings) -> Outcome:
        in_clear = source.transport != "TLS" and "TLS" in self._places.public
        if in_clear and trunk.srtp == "required":
            # RFC 4568 §8.3: who can read the keys can read the sound.
            return self._refuse(message, source, Refusal("srtp_keys_in_clear", 488))
        message = proxy.with_header(identity.without(message), identity.told(message, trunk))
        back = nat.flow_back(message, source, trunk.nat)
        branch = self._branch(b"in", message)
        port = self._pending.get(branch, now)
        if port is not None and not self._workers.is_worker(port):  # it died before it answered
            return self._refuse(message, source, self._busy("worker_gone"), branch, now)
        if port is not None:
            self._pending.keep(branch, now + _PENDING_S, now)
            return self._to_worker(message, port, source, True, back)
        again = self._refused.get(branch, now)
        if again is not None:
            return ToFlow(reply_flow(message.vias[0], source), again)
        port = self._found(message, branch)
        if port is None and now < self._settled and not source.stream:  # over a connection nobody repeats it
            return self._drop("settling")
        if port is None:
            if self.draining:
                return self._refuse(message, source, self._busy("draining"), branch, now)
            if not self._invites.take(source.host, now):
                return self._refuse(message, source, self._busy("invite_rate"), branch, now)
            port = self._workers.take(_text(message.call_id), _text(message.from_tag), _text(branch))
            if port is None:
                return self._refuse(message, source, self._busy("no_worker"), branch, now)
            self.counts["accepted"] += 1
        self._pending.put(branch, port, now + _PENDING_S, now)
        return self._to_worker(message, port, source, True, back)

    def _after_invite(self, message: Message, source: Flow, now: float) -> Outcome:
        branch = self._branch(b"in", message)
        if self._refused.get(branch, now) is not None and message.method == b"ACK":
            return self._drop("acknowledged")
        port = self._pending.get(branch, now)
        if port is None:
            port = self._found(message, branch)
        if port is not None:
            return self._to_worker(message, port, source)
        if now < self._settled:
            return self._drop("settling")
        return self._refuse(message, source, Refusal("no_transaction", 481))

    def _found(self, message: Message, branch: bytes) -> int | None:
        return self._workers.find(_text(message.call_id), _text(message.from_tag), _text(branch))

    def _to_worker(
        self, message: Message, port: int, source: Flow, begins: bool = False, way_back: Flow | None = None
    ) -> Outcome:
        back = reply_flow(message.vias[0], source)
        branch = self._branch(b"in", message)
        token = self._keys.worker_token(port, message.call_id)
        message = proxy.fewer_hops(message)
        if begins:
            message = proxy.record_routes(
                message, self._places, source.transport, token, inwards=True, flow=way_back
            )
        params = b"branch=%s;o=%s" % (branch, back.token())
        message = proxy.add_via(message, "UDP", self._places.inside, params)
        return ToWorker(port, bytes(message))

    def _response_from_outside(self, message: Message) -> Outcome:
        if len(message.vias) == 1 and self._is_own(message.vias[0].branch):
            return Ours(message)
        if len(message.vias) < 2:
            return self._drop("forged_response")
        ours, below = message.vias
        if ours.branch != self._keys.branch(b"out", below, message.call_id, message.cseq):
            return self._drop("forged_response")
        refusal = admission.refuse_body(message, self._limits)
        if refusal:
            return self._drop(refusal.reason)
        return ToWorker(below.port or 5060, bytes(proxy.take_via(message)))

    # --- from inside ----------------------------------------------------------------------------

    def from_inside(self, data: bytes, host: str, port: int, now: float) -> Outcome:
        """What becomes of a datagram that came to the worker side from a port of `host`."""
        if host != "127.0.0.1" or not self._workers.is_worker(port):
            return self._drop("no_worker_sent")
        if not data.strip(b"\r\n\0 "):
            return self._drop("keep_alive")
        try:
            message = parse(data)
            if message.status:
                return self._response_from_worker(message, now)
            return self._request_from_worker(message, port)
        except Malformed:
            return self._drop("malformed_inside")

    def _response_from_worker(self, message: Message, now: float) -> Outcome:
        if len(message.vias) < 2:
            return self._drop("forged_response")
        ours, below = message.vias
        back = flow_of(ours.params.get(b"o"))
        if back is None or ours.branch != self._keys.branch(b"in", below, message.call_id, message.cseq):
            return self._drop("forged_response")
        if message.method == b"INVITE":
            self._pending.keep(ours.branch, now + (_PENDING_S if message.status < 200 else _REFUSED_S), now)
        otherwise = below.port or (5061 if back.transport == "TLS" else 5060)
        return ToFlow(back, bytes(proxy.take_via(message)), otherwise)

    def _request_from_worker(self, message: Message, port: int) -> Outcome:
        # Answers find the worker by its Via, so the port there must be its own.
        if message.vias[0].port != port:
            return self._drop("worker_request")
        message, ours, others = proxy.take_routes(message, self._places)
        message = proxy.received(message, Flow("UDP", "127.0.0.1", port))
        # Without a Route of its own a request goes to its URI (RFC 3261 §16.6 step 6).
        target = parse_uri(address_of(others[0]) if others else message.uri)
        if self._places.is_ours(target):
            return self._back_to_worker(message, port, 482)
        if not proxy.hops_left(message):
            return self._back_to_worker(message, port, 483)
        flow = None
        if not others:
            flow = next((flow for uri in ours if (flow := flow_of(uri.params.get(b"f")))), None)
        transport = flow.transport if flow else target.transport
        if transport not in self._places.public:
            return self._back_to_worker(message, port, 503)
        failed = b"" if message.method == b"ACK" else answer(message.headers, 503, self._tag(message))
        params = b"branch=" + self._branch(b"out", message)
        if transport == "UDP":
            params += b";rport"
        if message.method == b"INVITE" and not message.to_tag:
            token = self._keys.worker_token(port, message.call_id)
            message = proxy.record_routes(message, self._places, transport, token, inwards=False)
        message = proxy.fewer_hops(message)
        message = proxy.add_via(message, transport, self._places.public[transport], params)
        host, number = target.place
        return ToPlace(transport, host, number, bytes(message), port, failed, flow)

    def _back_to_worker(self, message: Message, port: int, status: int) -> Outcome:
        if message.method == b"ACK":
            return self._drop("worker_request")
        self.counts[f"refused:worker_{status}"] += 1
        return ToWorker(port, answer(message.headers, status, self._tag(message)))

    # --- answers --------------------------------------------------------------------------------

    def _ok(self, message: Message, source: Flow) -> Outcome:
        self.counts["answered"] += 1
        extra = (header(b"Allow", METHODS), header(b"Accept", b"application/sdp"))
        data = answer(message.headers, 200, self._tag(message), extra)
        return ToFlow(reply_flow(message.vias[0], source), data)

    def _busy(self, reason: str) -> Refusal:
        return Refusal(reason, 503, (header(b"Retry-After", str(self._settings.retry_after_s).encode()),))

    def _refuse(
        self, message: Message, source: Flow, refusal: Refusal, branch: bytes = b"", now: float = 0.0
    ) -> Outcome:
        if message.method == b"ACK":
            return self._drop(refusal.reason)
        self.counts[f"refused:{refusal.reason}"] += 1
        self._count_call(message, refusal.reason)
        data = answer(message.headers, refusal.status, self._tag(message), refusal.headers)
        if branch:  # the same answer for the same INVITE, even if a worker is free by then
            self._refused.put(branch, data, now + _REFUSED_S, now)
        return ToFlow(reply_flow(message.vias[0], source), data)

    def _count_call(self, message: Message, reason: str) -> None:
        if message.method != b"INVITE" or message.to_tag:
            return
        branch = self._branch(b"in", message)
        if self._counted.get(branch, self._now) is None:
            self._counted.put(branch, True, self._now + _REFUSED_S, self._now)
            self.calls_refused[reason] += 1

    def _malformed(self, error: Malformed, source: Flow, data: bytes) -> Outcome:
        start = error.start[:4].upper()
        silent = error.reason == "lone_line_end" or start in (b"SIP/", b"ACK ") or not error.status
        begins = data.lstrip(b"\r\n")[:7].upper()
        known = self.trunks.name(source.host, self._certified(source)) is not None
        if begins == b"INVITE " and known:
            # What cannot be read cannot be told from its repetitions either: each one counts.
            self.calls_refused[error.reason] += 1
        unanswerable = not any(h.name == b"via" for h in error.fields)
        if silent or unanswerable or not known:
            return self._drop(error.reason)
        self.counts[f"refused:{error.reason}"] += 1
        data = answer(error.fields, error.status, self._keys.to_tag(error.start))
        return ToFlow(reply_flow(top_via(error.fields), source), data)

    def _drop(self, reason: str) -> Outcome:
        self.counts[f"dropped:{reason}"] += 1
        return Dropped(reason)

    def _branch(self, side: bytes, message: Message) -> bytes:
        return self._keys.branch(side, message.vias[0], message.call_id, message.cseq)

    def _tag(self, message: Message) -> bytes:
        return self._keys.to_tag(self._branch(b"in", message))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
