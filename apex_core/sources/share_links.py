"""Udio's share links: a song's UUID in 22 characters (the same encoding as ``ingest/macro_short_uuid.sql``)."""

import re
from uuid import UUID

# Flickr's base 58: digits, lower case, upper case; without 0, l, I and O.
_ALPHABET = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_SHORT = re.compile(f"[{_ALPHABET}]{{22}}")


def short_id(track_id: str) -> str:
    """The 22 characters that stand for a UUID."""
    number, letters = UUID(track_id).int, ""
    while number:
        number, digit = divmod(number, 58)
        letters = _ALPHABET[digit] + letters
    return letters.rjust(22, _ALPHABET[0])


def long_id(text: str) -> str | None:
    """The UUID behind a share link's 22 characters, or of a UUID in any case; None when ``text`` is neither."""
    if _SHORT.fullmatch(text):
        number = 0
        for letter in text:
            number = number * 58 + _ALPHABET.index(letter)
        return str(UUID(int=number)) if number < 1 << 128 else None
    try:
        return str(UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None
