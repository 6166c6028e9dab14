"""What every room may raise, without a library behind it: rooms that never see JAX import no more than this."""


class UserError(Exception):
    """A mistake of the person who asks, told in one line: what, where, what is allowed, the nearest valid name."""


class DiskFull(UserError):
    """A disk without room, told in one line. There may be room again: what met it is worth another try."""


class Divergence(Exception):
    """Training that has led to numbers that are not finite, told in one line: a result, and nobody's mistake."""
