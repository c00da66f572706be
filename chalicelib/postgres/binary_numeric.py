"""Decimal numbers as ``numeric_recv`` reads them: digits of base 10,000."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

_NEGATIVE = 0x4000
_HALF = np.uint64(32)
_LOW_HALF = np.uint64(2**32 - 1)


def encode_numeric(column: pa.Array) -> np.ndarray[Any, Any]:
    """For each decimal a row of 16-bit numbers: how many digits, the weight of the first, sign, scale, the digits.

    All have as many digits as the type may need; Postgres takes off the zeros at either end. What stands for a null
    is nothing of use.
    """
    precision, scale = column.type.precision, column.type.scale
    behind, before = -(-scale // 4), -(-(precision - scale) // 4)
    magnitude, negative = _magnitude(column)
    digits = []
    if scale % 4:  # the last digit is not whole
        digits.append(_divide(magnitude, 10 ** (scale % 4)) * np.uint64(10 ** (4 - scale % 4)))
    while len(digits) < behind + before:
        low = _divide(magnitude, 10**8)
        digits += [low % np.uint64(10**4), low // np.uint64(10**4)]
    encoded = np.empty((len(column), 4 + behind + before), ">i2")
    encoded[:, 0] = behind + before
    encoded[:, 1] = before - 1
    encoded[:, 2] = np.where(negative, _NEGATIVE, 0)
    encoded[:, 3] = scale
    for place, digit in enumerate(digits[: behind + before]):
        encoded[:, -1 - place] = digit
    return encoded


def _magnitude(column: pa.Array) -> tuple[list[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """The unscaled numbers without their sign, in parts of 32 bits, the highest first, and which are negative."""
    words = np.frombuffer(column.buffers()[1], "<u8").reshape(-1, 2)[column.offset : column.offset + len(column)]
    low, high = words[:, 0], words[:, 1]
    negative = high >> np.uint64(63) == 1
    # The two's complement of 128 bits.
    high = np.where(negative, ~high + (low == 0), high)
    low = np.where(negative, ~low + np.uint64(1), low)
    return [high >> _HALF, high & _LOW_HALF, low >> _HALF, low & _LOW_HALF], negative


def _divide(parts: list[np.ndarray[Any, Any]], divisor: int) -> np.ndarray[Any, Any]:
    """Divide numbers in parts in place by at most 32 bits, and return the remainders. Parts that are all 0 go."""
    while len(parts) > 1 and not parts[0].any():
        del parts[0]
    remainder = np.zeros(len(parts[0]), np.uint64)
    for index, part in enumerate(parts):
        remainder = (remainder << _HALF) | part
        parts[index], remainder = remainder // np.uint64(divisor), remainder % np.uint64(divisor)
    return remainder
