"""Seen: text that strangers wrote, with what would command a terminal, a program or the eye of a reader spelled out."""

import unicodedata

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # categories of what has no shape of its own, or turns text around
_HARMLESS = {"\u00ad", "\u200c", "\u200d"}  # a hyphen where a word may be broken; what joins letters in some scripts


def seen(text: str, kept: str = "\n\t") -> str:
    """The text with what cannot be seen spelled out, as in `\\x1b` and `\\u202e`, but for the characters in `kept`."""
    return (
        text
        if text.isprintable()
        else "".join(each if each in kept or _is_seen(each) else spelled(each) for each in text)
    )


def spelled(character: str) -> str:
    """A character by its number, as in `\\x1b` and `\\u202e`."""
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def _is_seen(character: str) -> bool:
    return character in _HARMLESS or unicodedata.category(character) not in _UNSEEN
