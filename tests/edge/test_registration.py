"""When a registration asks which server, and what answers mean. The time is a number."""

from __future__ import annotations

from gateway.edge.digest import parameters
from gateway.edge.registration import (
    REFUSED_MOST_S,
    REFUSED_S,
    RETRY_MOST_S,
    RETRY_S,
    Answer,
    Ask,
    Registration,
    State,
)
from gateway.edge.settings import RegisterSettings

ACCOUNT = RegisterSettings("4570101010", "secret", expires_s=600)
CHALLENGE = b'Digest realm="r", nonce="n1", qop="auth", algorithm=SHA-256'
UNKNOWN: list[bool | None] = [None, None]


def made(account: RegisterSettings = ACCOUNT, servers: int = 2) -> Registration:
    return Registration(account, "provider.example", servers, 0.0, lambda: "cnonce")


def told(ask: Ask) -> dict[str, str]:
    assert ask.credentials is not None
    found = parameters(ask.credentials[1])
    assert found is not None
    return found


def registered(at: float = 0.0, granted: int = 600) -> Registration:
    found = made()
    found.ask(at, UNKNOWN)
    found.heard(Answer(200, expires_s=granted), at)
    assert found.state is State.REGISTERED
    return found


def test_it_asks_answers_the_challenge_and_renews_in_time() -> None:
    one = made()
    assert one.due == 0.0
    first = one.ask(0.0, UNKNOWN)
    assert (first.server, first.credentials, first.expires_s) == (0, None, 600)
    one.heard(Answer(401, (CHALLENGE,)), 0.1)
    assert one.due == 0.1
    second = one.ask(0.1, UNKNOWN)
    assert second.cseq == first.cseq + 1
    assert (told(second)["uri"], told(second)["nc"]) == ("sip:provider.example", "00000001")
    one.heard(Answer(200, expires_s=400), 0.2)
    assert one.registered(400.1) and not one.registered(400.3)
    assert one.due == 0.2 + 300
    assert told(one.ask(300.2, UNKNOWN))["nc"] == "00000002", "the nonce is used again"


def test_a_stale_nonce_is_exchanged_and_a_wrong_password_is_not_tried_twice() -> None:
    one = made()
    one.ask(0.0, UNKNOWN)
    one.heard(Answer(401, (CHALLENGE,)), 0.0)
    one.ask(0.0, UNKNOWN)
    one.heard(Answer(401, (CHALLENGE.replace(b"n1", b"n2") + b", stale=true",)), 0.0)
    assert told(one.ask(0.0, UNKNOWN))["nonce"] == "n2"
    one.heard(Answer(401, (CHALLENGE,)), 1.0)
    assert (one.state, one.status, one.due) == (State.REFUSED, 401, 1.0 + REFUSED_S)


def test_a_server_that_calls_everything_stale_is_not_asked_for_ever() -> None:
    one = made()
    for _ in range(10):
        if one.due > 0.0:
            break
        one.ask(0.0, UNKNOWN)
        one.heard(Answer(401, (CHALLENGE + b", stale=true",)), 0.0)
    assert one.state is State.REFUSED


def test_a_nonce_that_was_used_before_may_be_refused_once_without_a_word() -> None:
    one = made()
    one.ask(0.0, UNKNOWN)
    one.heard(Answer(401, (CHALLENGE,)), 0.0)
    one.ask(0.0, UNKNOWN)
    one.heard(Answer(200), 0.0)
    one.ask(450.0, UNKNOWN)
    one.heard(Answer(401, (CHALLENGE.replace(b"n1", b"n2"),)), 450.0)
    assert told(one.ask(450.0, UNKNOWN))["nonce"] == "n2"


def test_a_proxys_challenge_is_answered_to_the_proxy() -> None:
    one = made()
    one.ask(0.0, UNKNOWN)
    one.heard(Answer(407, (CHALLENGE,)), 0.0)
    found = one.ask(0.0, UNKNOWN).credentials
    assert found is not None and found[0] == b"Proxy-Authorization"


def test_a_refusal_is_tried_again_ever_less_often() -> None:
    one, at, waits = made(), 0.0, []
    for _ in range(8):
        one.ask(at, UNKNOWN)
        one.heard(Answer(403), at)
        waits.append(one.due - at)
        at = one.due
    assert waits[:3] == [REFUSED_S, 2 * REFUSED_S, 4 * REFUSED_S] and waits[-1] == REFUSED_MOST_S
    one.ask(at, UNKNOWN)
    one.heard(Answer(200), at)
    one.ask(at + 450, UNKNOWN)
    one.heard(Answer(403), at + 450)
    assert one.due == at + 450 + REFUSED_S, "what went well in between counts"
    assert not one.registered(at + 450)


def test_the_next_server_is_asked_at_once_and_the_first_one_later() -> None:
    one = made()
    assert one.ask(0.0, UNKNOWN).server == 0
    one.unanswered(8.0)
    assert one.due == 8.0
    assert one.ask(8.0, UNKNOWN).server == 1
    one.heard(Answer(200), 8.0)
    assert (one.state, one.server) == (State.REGISTERED, 1)
    assert one.ask(one.due, UNKNOWN).server == 0, "it is tried again when the binding is renewed"


def test_when_nobody_answers_it_waits_longer_and_longer() -> None:
    one, at = made(servers=1), 0.0
    waits = []
    for _ in range(8):
        one.ask(at, [None])
        one.unanswered(at)
        assert one.state is State.UNREACHABLE
        waits.append(one.due - at)
        at = one.due
    assert waits[:3] == [RETRY_S, 2 * RETRY_S, 4 * RETRY_S] and waits[-1] == RETRY_MOST_S


def test_a_server_says_itself_when_it_may_be_asked_again() -> None:
    one = made(servers=1)
    one.ask(0.0, [None])
    one.heard(Answer(503, retry_after_s=100.0), 0.0)
    assert one.due == 100.0


def test_a_binding_holds_while_its_renewal_fails() -> None:
    one = registered()
    one.ask(450.0, UNKNOWN)
    one.unanswered(458.0)
    one.ask(458.0, UNKNOWN)
    one.unanswered(466.0)
    assert one.registered(500.0) and one.state is State.REGISTERED
    assert not one.registered(601.0)


def test_a_time_that_is_too_short_is_asked_for_longer() -> None:
    one = made()
    one.ask(0.0, UNKNOWN)
    one.heard(Answer(423, min_expires_s=1800), 0.0)
    assert one.due == 0.0 and one.ask(0.0, UNKNOWN).expires_s == 1800


def test_a_server_that_is_known_to_be_down_is_passed_over_and_returned_to() -> None:
    one = made()
    assert one.ask(0.0, [False, None]).server == 1
    one.heard(Answer(200), 0.0)
    one.look(10.0, [False, True])
    assert one.due == 450.0
    one.look(20.0, [True, True])
    assert one.due == 20.0 and one.ask(20.0, [True, True]).server == 0


def test_a_server_that_goes_down_is_left_before_the_binding_ends() -> None:
    one = registered()
    one.look(10.0, [False, True])
    assert one.due == 10.0 and one.ask(10.0, [False, True]).server == 1


def test_a_200_without_our_contact_is_no_registration() -> None:
    one = made()
    one.ask(0.0, UNKNOWN)
    one.heard(Answer(200, bound=False), 0.0)
    assert one.state is State.REFUSED


def test_it_is_given_up_though_it_was_just_being_asked_for() -> None:
    one = made()
    one.ask(0.0, UNKNOWN)
    assert one.end(0.1)
    one.heard(Answer(200, expires_s=600), 0.2)
    assert one.state is not State.ENDED and one.due == 0.2
    assert one.ask(0.2, UNKNOWN).expires_s == 0
    one.heard(Answer(200), 0.3)
    assert one.over


def test_it_is_given_up_where_it_is_held() -> None:
    one = registered()
    assert one.end(100.0)
    last = one.ask(100.0, [False, True])
    assert (last.server, last.expires_s) == (0, 0)
    one.heard(Answer(401, (CHALLENGE,)), 100.0)
    assert told(one.ask(100.0, UNKNOWN))["nonce"] == "n1"
    one.heard(Answer(200), 100.0)
    assert one.state is State.ENDED and one.due == float("inf")
    assert not made().end(0.0), "there is nothing to give up"
