"""Numbers that identify people go, however they are said; what only looks like one stays."""

from __future__ import annotations

import pytest

from tests.transcription.talk import heard, redacted, talk
from transcription.identifiers import Kind
from transcription.redaction import MARGIN_S, Span, find, redact, silent_intervals
from transcription.segments import Leg

CPR, CARD, IBAN, PHONE = "[CPR]", "[KORTNUMMER]", "[IBAN]", "[TELEFONNUMMER]"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("det er 070761-4285 ja", f"det er {CPR} ja"),
        ("det er 070761 4285", f"det er {CPR}"),
        ("det er 07 07 61 42 85", f"det er {CPR}"),
        ("det er 7.7.61-4285", f"det er {CPR}"),
        ("nummeret er 0707614285.", f"nummeret er {CPR}"),
        ("nul syv nul syv seks en fire to otte fem", CPR),
        ("jeg hedder nul syv nul syv enogtres toogfyrre femogfirs", f"jeg hedder {CPR}"),
        ("nul syv nul syv en og tres to og fyrre fem og firs", CPR),
        ("nul syv nul syv nitten enogtres toogfyrre femogfirs", CPR),
        ("den syvende i syvende enogtres toogfyrre femogfirs", f"den {CPR}"),
        ("syvende juli nitten hundrede enogtres fire to otte fem", CPR),
        ("født ellevte august nitten hundrede enogtres nul nul en en og", f"født {CPR} og"),
        ("nul syv nul syv enogtres bindestreg fire to otte fem tak", f"{CPR} tak"),
        ("nul syv øh nul syv øh enogtres altså toogfyrre femogfirs", CPR),
        ("mit kortnummer er 4111 1111 1111 1111 udløber", f"mit kortnummer er {CARD} udløber"),
        ("4111111111111111", CARD),
        ("4111-1111-1111-1111", CARD),
        ("fire en en en elleve elleve elleve elleve elleve elleve", CARD),
        ("dobbelt fem nul nul nul nul dobbelt fem dobbelt fem dobbelt fem femoghalvtreds fem ni", CARD),
        ("min konto er DK50 0040 0440 1162 43 i banken", f"min konto er {IBAN} i banken"),
        ("dk5000400440116243", IBAN),
        ("de kå halvtreds nul nul fyrre nul fire fyrre elleve toogtres treogfyrre", IBAN),
        ("d k fem nul nul nul fire nul nul fire fire nul en en seks to fire tre", IBAN),
        ("ring på 20 30 40 50 i morgen", f"ring på {PHONE} i morgen"),
        ("ring på 20304050", f"ring på {PHONE}"),
        ("ring på +45 2030 4050", f"ring på {PHONE}"),
        ("ring på tyve tredive fyrre halvtreds", f"ring på {PHONE}"),
        ("det er to nul tre nul fire nul fem nul", f"det er {PHONE}"),
        ("ring på femogfyrre tyve tredive fyrre halvtreds", f"ring på {PHONE}"),
    ],
)
def test_a_number_is_taken_out_however_it_is_said(said: str, left: str) -> None:
    assert redacted(f"K: {said}") == left


@pytest.mark.parametrize(
    "said",
    [
        "mit policenummer er 12345678",
        "policenummeret er tolv fireogtredive seksoghalvtreds otteoghalvfjerds",
        "skadenummer 20 30 40 50 fra sidste år",
        "sagsnummeret er 2024 123456",
        "vores cvr-nummer er 61 05 62 88",
        "der står referencenummer fire fem syv en en to tre fire fem seks syv otte ni nul en to",
        "den kostede femogtyve tusinde tre hundrede kroner",
        "jeg betalte 12.500 kroner og 25.000,50 kroner",
        "det blev 20304050 kroner i alt",
        "den er købt den 12.03.2024 i en butik",
        "skaden skete den 28061995 om aftenen",
        "det var den tolvte i tredje nitten hundrede femogtres",
        "den syvende juli to tusind og fireogtyve",
        "fra nitten hundrede halvfems til to tusind og ti",
        "i år 2019 og 2023 var det",
        "mellem klokken 14 30 og 16 45",
        "den har kørt hundrede og tyve tusinde kilometer",
        "nummerpladen er AB 12 345",
        "jeg bor på skovvej 12 i 8000 aarhus",
        "jeg har to biler tre børn og en hund",
        "rabatten er femogtyve procent på en ny",
        "en tien og en tyver",
    ],
)
def test_a_look_alike_stays(said: str) -> None:
    assert redacted(f"K: {said}") == said


def test_a_number_goes_across_pauses_and_segment_borders() -> None:
    line = "K: det er nul syv (1.2) nul syv enogtres (2.0) toogfyrre (0.8) femogfirs"
    for borders in (False, True):
        assert redacted(line, borders=borders) == f"det er {CPR}"
    assert redacted("K: mit kort er 4111 1111", "K: 1111 1111 tak") == f"mit kort er {CARD} tak"


def test_a_number_goes_when_the_other_side_talks_in_between() -> None:
    said = redacted("K: nul syv nul syv", "M: ja", "K: enogtres", "M: mm", "K: toogfyrre femogfirs")
    assert said == f"{CPR} ja mm"
    said = redacted("K: tyve tredive", "M: ja og så", "K: fyrre halvtreds")
    assert said == f"{PHONE} ja og så"


def test_what_the_agent_repeats_goes_too() -> None:
    asked = "M: hvad er dit cpr-nummer"
    said = redacted(
        asked, "K: 070761-4285", "M: nul syv nul syv enogtres", "K: ja", "M: og toogfyrre femogfirs"
    )
    assert said == f"hvad er dit cpr-nummer {CPR} {CPR} ja"
    pairs = redacted("K: ring på tyve", "M: tyve", "K: tredive", "M: tredive", "K: fyrre halvtreds")
    assert not {"tyve", "tredive", "fyrre", "halvtreds"} & set(pairs.split())


def test_a_month_repeats_no_part_of_a_telephone_number() -> None:
    said = redacted("K: to nul tre nul fyrre halvtreds", "M: tak du får svar den syvende maj", "M: i maj")
    assert said == f"{PHONE} tak du får svar den syvende maj i maj"


def test_a_date_that_is_repeated_in_between_does_not_end_the_number() -> None:
    born = "attende i femte seks og halvfjerds"
    assert redacted(f"K: {born}", f"M: {born}", "K: fem og halvfems tretten") == f"{CPR} {CPR}"


def test_groups_of_a_card_that_are_repeated_are_no_telephone_number() -> None:
    said = redacted("K: mit dankort 4111", "M: 4111", "K: 1111", "M: ja", "K: 1111", "M: 1111", "K: 1111")
    assert PHONE not in said and "1111" not in said and CARD in said


def test_said_again_much_later_the_whole_number_goes() -> None:
    said = talk("K: mit nummer er 20304050", "K: (400) så var det 20 30 40 50 jeg sagde")
    assert heard(redact(said, find(said))) == f"mit nummer er {PHONE} så var det {PHONE} jeg sagde"


def test_a_number_that_was_asked_for_goes_although_a_digit_was_misheard() -> None:
    said = redacted("M: hvad er dit cpr-nummer", "K: nul syv nul syv enogtres toogfyrre fem")
    assert said == f"hvad er dit cpr-nummer {CPR}"
    said = redacted("M: hvad er kortnummeret", "K: 4111 1111 1111 1112")
    assert said == f"hvad er kortnummeret {CARD}"
    asked = "M: hvad er de sidste fire i dit cpr-nummer"
    assert redacted(asked, "K: fire to otte fem") == f"{asked[3:]} {CPR}"


def test_what_eight_digits_were_called_decides() -> None:
    assert redacted("M: hvad er dit skadenummer", "K: 20304050") == "hvad er dit skadenummer 20304050"
    assert redacted("M: hvad er dit telefonnummer", "K: 28061995").endswith(PHONE)
    assert redacted("M: hvad er dit cpr-nummer", "K: syv syv enogtres fire to otte fem").endswith(CPR)


def test_two_numbers_beside_each_other_both_go() -> None:
    assert redacted("K: 070761-4285 og ring på 20304050") == f"{CPR} og ring på {PHONE}"
    assert redacted("K: 20304050 eller 60708090") == f"{PHONE} eller {PHONE}"


def test_a_corrected_number_goes_with_what_was_said_first() -> None:
    said = redacted("K: det er nul syv nul seks nej nul syv nul syv enogtres toogfyrre femogfirs")
    assert said == f"det er {CPR}"


def test_spans_are_whole_words_of_one_leg_and_say_no_digit() -> None:
    said = talk("M: dit nummer", "K: det er 20 30 40 50 tak")
    (span,) = find(said)
    assert span == Span(Kind.PHONE, Leg.CALLER, 2, 5, span.start_s, span.end_s)
    assert [word.text for word in said.words_of(Leg.CALLER)[2:6]] == ["20", "30", "40", "50"]
    assert "20" not in repr(span).replace(repr(span.start_s), "").replace(repr(span.end_s), "")
    word = next(word for word in redact(said, [span]).words if word.text == PHONE)
    assert (word.start_s, word.end_s, word.leg) == (span.start_s, span.end_s, Leg.CALLER)


def test_spans_of_another_transcript_are_refused() -> None:
    said = talk("K: ring på 20304050")
    with pytest.raises(ValueError, match="another transcript"):
        redact(talk("K: hej"), find(said))
    with pytest.raises(ValueError, match="another transcript"):
        redact(said, [*find(said), *find(said)])


def test_silence_is_a_little_longer_than_the_number_and_joined_where_it_meets() -> None:
    spans = [
        Span(Kind.CPR, Leg.CALLER, 0, 0, 0.1, 1.0),
        Span(Kind.CPR, Leg.CALLER, 1, 1, 1.2, 2.0),
        Span(Kind.CPR, Leg.AGENT, 0, 0, 3.0, 4.0),
    ]
    intervals = silent_intervals(spans, duration_s=4.05)
    assert intervals[Leg.CALLER] == ((0.0, 2.0 + MARGIN_S),)
    assert intervals[Leg.AGENT] == ((3.0 - MARGIN_S, 4.05),)
    assert silent_intervals([]) == {Leg.CALLER: (), Leg.AGENT: ()}
