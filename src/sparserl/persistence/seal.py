"""A checksum inside the file that it guards: 64 hexadecimal digits, computed while they were zeros.

One file is replaced atomically, two are not; so the checksum of a results file cannot lie beside it. The Parquet pages
have checksums of their own, but the names, types and counts in the footer have none.
"""

import hashlib

_PREFIX = b"sha256:"
_NUM_DIGITS = 64

OPEN_SEAL = (_PREFIX + b"0" * _NUM_DIGITS).decode()  # what a writer puts into the content, after everything else


def seal(content: bytes) -> bytes:
    """Fill in the last open seal of `content`."""
    start = content.rfind(OPEN_SEAL.encode()) + len(_PREFIX)
    assert start >= len(_PREFIX), "the content has no open seal"
    return content[:start] + _digest(content, start) + content[start + _NUM_DIGITS :]


def is_sealed(content: bytes) -> bool:
    """Whether `content` has a seal, broken or not, as all that sparserl writes."""
    return _PREFIX in content


def is_intact(content: bytes) -> bool:
    """Whether every bit of `content` is as it was sealed; False as well where there is no seal."""
    start = content.rfind(_PREFIX) + len(_PREFIX)
    return start >= len(_PREFIX) and content[start : start + _NUM_DIGITS] == _digest(content, start)


def _digest(content: bytes, start: int) -> bytes:
    digest = hashlib.sha256(memoryview(content)[:start])
    digest.update(b"0" * _NUM_DIGITS)
    digest.update(memoryview(content)[start + _NUM_DIGITS :])
    return digest.hexdigest().encode()
