"""Telephone numbers in the one way of writing them that is the same everywhere: E.164, `+4570101010`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_SEPARATORS = re.compile(r"[\s().\-/]")
_DIGITS = re.compile(r"\+?[0-9]{2,24}")


@dataclass(frozen=True)
class NumberPlan:
    """How a trunk writes numbers. `country`: ISO 3166 code; `prefixes`: beginning, and what replaces it."""

    country: str
    prefixes: tuple[tuple[str, str], ...] = ()

    def e164(self, written: str) -> str:
        """The number in E.164; "" when it is none: a name, an extension, a short code.

        `written`: the user part of a SIP URI, or what follows `tel:`; parameters are left out.
        """
        # Loaded when a trunk wants it: its tables take memory.
        import phonenumbers

        number = _SEPARATORS.sub("", unquote(written).partition(";")[0])
        if not _DIGITS.fullmatch(number):
            return ""
        fitting = [one for one in self.prefixes if number.startswith(one[0])]
        if fitting:
            before, after = max(fitting, key=lambda one: len(one[0]))
            number = after + number[len(before) :]
        try:
            read = phonenumbers.parse(number, self.country)
        except phonenumbers.NumberParseException:
            return ""
        if not phonenumbers.is_possible_number(read):
            return ""
        return str(phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164))
