"""Memory limits as people write them."""

import pytest

from sparserl.cli.study.options import parse_bytes
from sparserl.errors import UserError


@pytest.mark.parametrize(
    ("text", "num_bytes"),
    [
        ("4GB", 4 * 10**9),
        ("500MiB", 500 * 2**20),
        (" 2 gib ", 2**31),
        ("1.5kB", 1500),
        ("1.5 GiB", 1_610_612_736),
        ("123", 123),
        ("1TB", 10**12),
    ],
)
def test_sizes(text, num_bytes):
    assert parse_bytes(text) == num_bytes


@pytest.mark.parametrize("text", ["", "lots", "GB", "4XB", "0", "0.4", "-4GB", "nan", "inf", "1e400", "4GB!"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(UserError, match=r"^memory_limit is .* it takes a number of bytes such as 4GB"):
        parse_bytes(text)
