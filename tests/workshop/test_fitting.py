"""Consent questions that do not go with their flow's key: the shipped one, one in use, one to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gateway.callflow.settings import FlowSettings, IvrSettings
from gateway.workshop.fitting import Unfit, unfit
from ivr_prompts.catalogue import Catalogue
from storage.prompts import Stock
from tests.workshop.test_workshop import AT, CONSENT, DPO, OLE, Shop, shop

__all__ = ["shop"]

CATALOGUE = Catalogue.load()
TWO = FlowSettings("claims", ("70101099",), ivr=IvrSettings(accept_key="2"))
ONE = FlowSettings("customer")


def in_use(shop: Shop, **place: str) -> Stock:
    """The shipped question, made anew and put in use tomorrow."""
    shop.make("consent", CONSENT.text)
    shop.shop.approve(DPO, "da/consent/2", AT, True, "the same words")
    begins = AT + timedelta(days=1)
    shop.shop.activate(OLE, "da/consent/2", AT, begins, **place)
    from storage import prompts

    return shop.world.db.read_sync(lambda s: prompts.stock(s, AT))


def test_a_shipped_question_that_names_another_key_is_told_by_name() -> None:
    version = CATALOGUE["da"]["consent"].version
    assert unfit(CATALOGUE, Stock(), (ONE,), AT) == ()
    assert unfit(CATALOGUE, Stock(), (ONE, TWO), AT) == (Unfit(f"da/consent/{version}", "claims", "2", "1"),)
    assert unfit(CATALOGUE, Stock(), (replace(TWO, announced=True),), AT) == (), "it asks nobody"
    english = replace(TWO, prompts="en")
    assert [each.prompt[:3] for each in unfit(CATALOGUE, Stock(), (english,), AT)] == ["en/"]


def test_what_was_activated_for_later_is_looked_at_as_well(shop: Shop) -> None:
    stock = in_use(shop)
    assert unfit(CATALOGUE, stock, (ONE,), AT) == ()
    later = replace(ONE, ivr=IvrSettings(accept_key="5"))
    found = unfit(CATALOGUE, stock, (later,), AT)
    assert {each.prompt for each in found} == {
        f"da/consent/{CATALOGUE['da']['consent'].version}",
        "da/consent/2",
    }
    assert unfit(CATALOGUE, stock, (later,), AT + timedelta(days=2)) == (
        Unfit("da/consent/2", "customer", "5", "1"),
    )


def test_a_version_at_one_number_is_the_one_of_the_flow_with_that_number(shop: Shop) -> None:
    stock = in_use(shop, number="70101098")
    flows = (replace(ONE, ivr=IvrSettings(accept_key="5")), replace(TWO, ivr=IvrSettings()))
    assert unfit(CATALOGUE, stock, flows, AT + timedelta(days=2))[-1] == Unfit(
        "da/consent/2", "customer", "5", "1"
    )
    flows = (replace(flows[0], ivr=IvrSettings()), flows[1])
    assert unfit(CATALOGUE, stock, flows, AT + timedelta(days=2)) == ()
