"""Redaction with the model for names and with forms of one's own. No database; the extras ``redaction`` and ``ner``.

Run it: python examples/parts/redaction_model.py
"""

from __future__ import annotations

import re

from deskmind.governance.redaction import EntityType, NerDetector, Pattern, PatternDetector, Redactor

NOTE = "the pw of kwame mensah, his badge is QX-4711, mail k.mensah@example.com"


def main() -> None:
    badge = Pattern(EntityType.EMPLOYEE_ID, re.compile("QX-[0-9]{4}"), 0.9, "form of a badge", needs="-")
    redactor = Redactor([PatternDetector([badge]), NerDetector()])
    redacted = redactor.redact(NOTE)
    print(redacted.text)
    for found in redacted.findings:
        print(f"{found.type} {found.score:.2f}: {found.reason}")


if __name__ == "__main__":
    main()
