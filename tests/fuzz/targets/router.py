"""Any messages from outside and inside, in any order: nothing from outside goes anywhere but to a worker.

Beside the router stands a small account of what is true: which ports are workers', which tokens were handed
out. Messages are whole ones, damaged ones, ones that were sent before, and plain bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from gateway.edge.fields import Malformed
from gateway.edge.flows import Flow
from gateway.edge.keys import Keys
from gateway.edge.lexer import parse
from gateway.edge.proxy import Places
from gateway.edge.router import Dropped, Outcome, Router, ToFlow, ToPlace, ToWorker
from gateway.edge.settings import EdgeSettings, LimitSettings, TrunkSettings
from gateway.worker.sip_text import read_invite
from tests.edge.peers import SDP, FakeWorkers, invite, response
from tests.fuzz.feed import Feed, damaged
from tests.fuzz.targets import lexer

PORTS = (40001, 40002, 40003)
TRUNK, CONNECTED, STRANGER = (
    Flow("UDP", "192.0.2.7", 5060),
    Flow("TLS", "192.0.2.8", 40123),
    Flow("UDP", "203.0.113.9", 5060),
)
SOURCES = (TRUNK, CONNECTED, STRANGER)
KEYS = Keys(bytes(range(32)))
PLACES = Places(
    inside=("127.0.0.1", 5059),
    public={"UDP": ("gw.example.com", 5060), "TLS": ("gw.example.com", 5061)},
    own=frozenset({("127.0.0.1", 5059), ("gw.example.com", 5060), ("gw.example.com", 5061)}),
)
LIMITS = LimitSettings(
    message_bytes=3000, headers=30, line_bytes=600, sdp_lines=20, invite_burst=6, message_burst=50
)
METHODS = (
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "PRACK",
    "REFER",
    "REGISTER",
    "NOTIFY",
    "X",
)
SEEDS = (
    bytes([0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0]),
    bytes([0, 0, 0, 1, 1, 2, 3, 0, 0, 2, 2, 2, 2, 1, 1, 1, 7, 200, 6, 9]),
    *(bytes([0, 1, 0, len(data) % 256, len(data) // 256]) + data for data in lexer.SEEDS[:12]),
)
WORDS = (*lexer.WORDS, b";w=40001-", b";lr;", b"gw.example.com", b"127.0.0.1:5059", b";o=udp-", b";f=tls-")
_REASON = re.compile(r"[a-z]+(:[a-z_0-9]+)?")
_MOST_REASONS = 80


@dataclass
class Account:
    """What was seen: messages by who saw them, and the tokens that were handed out."""

    to_workers: list[tuple[int, bytes]] = field(default_factory=list)
    to_peers: list[bytes] = field(default_factory=list)
    tokens: set[bytes] = field(default_factory=set)

    def learn(self, data: bytes) -> None:
        self.tokens.update(re.findall(rb"w=([0-9]+-[0-9a-f]{16})", data))


class Story:
    """One router and what happens to it."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.workers = FakeWorkers(*PORTS)
        self.account = Account()
        self.now = 0.0
        choice = feed.number(0, 255)
        self.settings = EdgeSettings(
            trunks=(TrunkSettings("trunk", ("192.0.2.0/24",)),),
            settle_s=float(choice & 1),
            answer_unknown=bool(choice & 2),
            limits=LIMITS,
        )
        self.counts: Counter[str] = Counter()
        self.router = Router(self.settings, PLACES, KEYS, self.workers, 0.0, self.counts)

    def go_on(self) -> None:
        feed = self.feed
        match feed.number(0, 9):
            case 0:
                self.outside(self.request(), feed.pick(SOURCES))
            case 1:
                self.outside(feed.piece(4096), feed.pick(SOURCES))
            case 2:
                self.worker_answers()
            case 3:
                self.inside(self.worker_request(), feed.pick(PORTS))
            case 4:
                self.peer_answers()
            case 5:
                self.outside(damaged(feed, feed.pick(self.account.to_peers or [b""])), feed.pick(SOURCES))
            case 6:
                _, data = feed.pick(self.account.to_workers or [(0, b"")])
                self.inside(damaged(feed, data), feed.pick((*PORTS, 5432)))
            case 7:
                self.now += feed.number(0, 255)
            case 8:
                port = feed.pick(PORTS)
                if port in self.workers.ports:
                    self.workers.ports.remove(port)
                else:
                    self.workers.ports.append(port)
                    self.workers.free.append(port)
            case _:
                self.router.draining = feed.maybe()
                self.router.use(self.settings)

    # --- messages -------------------------------------------------------------------------------

    def request(self) -> bytes:
        feed = self.feed
        method = feed.pick(METHODS)
        choice = feed.number(0, 255)
        extra: list[str] = []
        if choice & 1 and self.account.tokens:
            token = feed.pick(sorted(self.account.tokens)).decode()
            extra.append(f"Route: <sip:gw.example.com;lr;w={token}>")
        if choice & 2:
            extra.append(feed.piece(80).decode("latin-1"))
        uri = ("sip:70101010@gw.example.com", "sip:gw@gw.example.com:5060;w=40001")[choice >> 2 & 1]
        data = invite(
            method=method,
            call_id=f"c{choice >> 3 & 1}",
            uri=uri,
            to_tag="to1" if choice & 16 else "",
            body=SDP if choice & 32 else b"",
            via=feed.pick(
                (
                    "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKa;rport",
                    "SIP/2.0/UDP h;branch=z9hG4bKb",
                    'SIP/2.0/UDP h;x="a,b";branch=z9hG4bKc',
                )
            ),
            extra=tuple(extra),
        )
        return damaged(feed, data, 2) if choice & 64 else data

    def worker_answers(self) -> None:
        if not self.account.to_workers:
            return
        port, request = self.feed.pick(self.account.to_workers)
        status = self.feed.pick((100, 180, 200, 302, 486))
        try:
            answered = response(request, status, body=SDP if status == 200 else b"")
        except Malformed:
            return
        self.inside(answered, port)

    def worker_request(self) -> bytes:
        feed = self.feed
        port = feed.pick(PORTS)
        target = feed.pick(
            (
                "sip:agent@198.51.100.5:5070",
                "sip:a@gw.example.com",
                "sip:a@b;transport=tls",
                "sip:a@c;maddr=127.0.0.1",
            )
        )
        extra = ["Route: <sip:127.0.0.1:5059;lr>"]
        if feed.maybe():
            extra.append("Route: " + feed.piece(80).decode("latin-1"))
        return invite(
            method=feed.pick(METHODS),
            via=f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKw;rport",
            uri=target,
            call_id="agentleg",
            to_tag="t" if feed.maybe() else "",
            extra=tuple(extra),
        )

    def peer_answers(self) -> None:
        if not self.account.to_peers:
            return
        try:
            answered = response(
                self.feed.pick(self.account.to_peers), self.feed.pick((180, 200, 486)), body=SDP
            )
        except Malformed:
            return
        self.outside(damaged(self.feed, answered, 1), self.feed.pick(SOURCES))

    # --- what must be so ------------------------------------------------------------------------

    def outside(self, data: bytes, source: Flow) -> None:
        free = list(self.workers.free)
        outcome = self.router.from_outside(data, source, self.now)
        assert not isinstance(outcome, ToPlace), "from outside to a third party"
        if isinstance(outcome, ToWorker):
            self.reached(outcome, data, source, taken=len(free) > len(self.workers.free))
        elif isinstance(outcome, ToFlow):
            assert outcome.flow.host == source.host, "an answer goes to somebody else"
            assert not source.stream or outcome.flow == source
            assert len(outcome.data) <= len(data) + 600, "an answer is much longer than its question"
            whole_lines(outcome.data)
            assert outcome.data.startswith(b"SIP/2.0 ")
        if source is STRANGER:
            assert free == self.workers.free, "a stranger takes a worker"
        self.bounded(outcome)

    def reached(self, outcome: ToWorker, data: bytes, source: Flow, taken: bool) -> None:
        assert outcome.port in PORTS, "to a port that is no worker's"
        before, after = parse(data), parse(outcome.data)
        assert (after.body, after.call_id, after.cseq) == (before.body, before.call_id, before.cseq)
        whole_lines(outcome.data)
        if before.status:
            assert after.vias[0].host == b"127.0.0.1"
        else:
            assert not after.has(b"route"), "a worker is given a route"
            assert (after.vias[0].host, after.vias[0].port) == (b"127.0.0.1", 5059)
            assert taken <= (before.method == b"INVITE" and not before.to_tag)
            if source is STRANGER:
                assert any(token in data for token in self.account.tokens), "a stranger reaches a worker"
            if before.method == b"INVITE":
                seen = read_invite(outcome.data.decode("utf-8", "surrogateescape"))
                assert seen.source == source.host
        self.account.to_workers = [*self.account.to_workers[-7:], (outcome.port, outcome.data)]
        self.account.learn(outcome.data)

    def inside(self, data: bytes, port: int) -> None:
        outcome = self.router.from_inside(data, "127.0.0.1", port, self.now)
        if port not in self.workers.ports:
            assert isinstance(outcome, Dropped)
        if isinstance(outcome, ToWorker):
            assert outcome.port == port, "one worker is answered by another's"
        elif isinstance(outcome, ToPlace):
            assert (outcome.host, outcome.port) not in PLACES.own, "sent to ourselves"
            assert outcome.transport in PLACES.public and outcome.worker == port
            parse(outcome.data)
        if isinstance(outcome, (ToFlow, ToPlace)):
            whole_lines(outcome.data)
            self.account.to_peers = [*self.account.to_peers[-7:], outcome.data]
            self.account.learn(outcome.data)
        self.bounded(outcome)

    def bounded(self, outcome: Outcome) -> None:
        assert all(map(_REASON.fullmatch, self.counts)) and len(self.counts) < _MOST_REASONS
        assert all(map(re.compile("[a-z_]+").fullmatch, self.router.calls_refused))
        assert len(self.workers.known) <= 3 + self.counts["accepted"]
        if isinstance(outcome, Dropped):
            assert re.fullmatch("[a-z_]+", outcome.reason)


def whole_lines(data: bytes) -> None:
    """No message of ours holds a line end that one reader takes for one and another does not."""
    head = data.partition(b"\r\n\r\n")[0].replace(b"\r\n", b"")
    assert b"\r" not in head and b"\n" not in head, "a lone line end is sent on"


def run(data: bytes) -> None:
    story = Story(Feed(data))
    while story.feed.left:
        story.go_on()
