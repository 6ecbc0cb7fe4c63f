"""Checksums and measures that tell an identifier from a number that looks like one."""

from __future__ import annotations

import math
from collections import Counter

__all__ = ["IBAN_LENGTHS", "entropy", "iban_valid", "luhn_valid", "ssn_valid"]

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
IBAN_LENGTHS = {
    pair[:2]: int(pair[3:])
    for pair in (
        "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BI:27 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 "
        "DE:22 DJ:27 DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FK:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 "
        "GT:28 HR:21 HU:28 IE:22 IL:23 IQ:23 IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 "
        "LV:21 LY:25 MC:27 MD:24 ME:22 MK:19 MN:20 MR:27 MT:31 MU:30 NI:28 NL:18 NO:15 OM:23 PK:24 PL:28 "
        "PS:29 PT:25 QA:29 RO:24 RS:22 RU:33 SA:24 SC:31 SD:18 SE:24 SI:19 SK:24 SM:27 SO:23 ST:25 SV:28 "
        "TL:23 TN:24 TR:26 UA:29 VA:22 VG:24 XK:20 YE:30"
    ).split()
}
"""Characters of an account, by country (registry of ISO 13616)."""


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is right after Luhn (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total += _DOUBLED[int(digit)] if place % 2 else int(digit)
    return total % 10 == 0


def iban_valid(compact: str) -> bool:
    """Whether length and check digits are right (ISO 13616, modulo 97)."""
    if len(compact) != IBAN_LENGTHS.get(compact[:2]):
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def ssn_valid(area: str, group: str, serial: str) -> bool:
    """Whether the United States could have given out this social security number."""
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def entropy(text: str) -> float:
    """Shannon's entropy in bits a character."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
