"""Phone numbers as people type them, turned into E.164."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from django.conf import settings

from zhanggui.accounts.errors import PhoneFormat

HOME = "CN"
HOME_CODE = 86
HOME_MOBILE = re.compile(r"\+861[3-9][0-9]{9}")


def parse(typed: str) -> str:
    """A typed number as E.164; without a country code it is one of the Chinese mainland.

    Full-width digits, blanks and hyphens are folded: ``１３８ 0013-8000`` is ``+8613800138000``.

    Raises:
        PhoneFormat: no possible phone number (E_PHONE_FORMAT, 422).
    """
    folded = unicodedata.normalize("NFKC", typed).strip()
    try:
        number = phonenumbers.parse(folded, HOME)
    except phonenumbers.NumberParseException:
        raise PhoneFormat from None
    if not phonenumbers.is_possible_number(number) or number.extension:
        raise PhoneFormat
    if number.country_code == HOME_CODE and not phonenumbers.is_valid_number(number):
        raise PhoneFormat
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def parse_mobile(typed: str) -> str:
    """A number that can receive codes, as E.164: a Chinese mobile, or one of a country set.

    Raises:
        PhoneFormat: a landline, or of another country (E_PHONE_FORMAT, 422).
    """
    number = parse(typed)
    if HOME_MOBILE.fullmatch(number):
        return number
    is_home = number.startswith(f"+{HOME_CODE}")
    if is_home or not number.startswith(tuple(f"+{code}" for code in settings.PHONE_COUNTRIES)):
        raise PhoneFormat
    return number
