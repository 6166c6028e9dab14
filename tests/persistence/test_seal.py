"""The seal notices every bit."""

import hashlib

from sparserl.persistence.seal import OPEN_SEAL, is_intact, seal


def flipped(content: bytes, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def test_is_the_sha256_of_the_content_with_zeros_in_its_place() -> None:
    content = b"before " + OPEN_SEAL.encode() + b" after"
    digits = hashlib.sha256(content).hexdigest().encode()
    assert seal(content) == b"before sha256:" + digits + b" after"
    assert is_intact(seal(content))


def test_every_flipped_bit_and_every_missing_end_is_noticed() -> None:
    sealed = seal(b'{"quoted": "sha256:' + b"ab" * 32 + b'", "seal": "' + OPEN_SEAL.encode() + b'"}')
    assert is_intact(sealed)
    assert not any(is_intact(flipped(sealed, bit)) for bit in range(8 * len(sealed)))
    assert not any(is_intact(sealed[:length]) for length in range(len(sealed)))
    assert not is_intact(b"no seal at all")
    assert not is_intact(b"sha256:")
