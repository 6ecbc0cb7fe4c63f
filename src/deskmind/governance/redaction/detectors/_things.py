"""Words beside which a capitalised word names no person: companies, buildings, systems, teams. Folded."""

from __future__ import annotations

__all__ = ["COMPANIES", "THINGS"]

COMPANIES = frozenset(
    "inc ltd llc gmbh corp corporation company co group holdings bank university college institute foundation association agency ministry department"
    " street avenue road lane drive court place square boulevard way highway bridge airport station hospital hotel river lake mountain island county city"
    " server database application software system windows office team project service desk center centre building room floor"
    " plc llp sa ag ab oy as kg bv nv pty foods motors airlines records university school"
    " consulting systems technologies technology solutions software analytics insurance labs networks capital partners media energy health data".split()
)

THINGS = COMPANIES | frozenset(
    "admin administrator administrators root guest everyone unknown none nobody anonymous vendor supplier helpdesk support hr it finance payroll legal"
    " sales marketing operations procurement logistics security facilities reception accounting treasury controlling engineering"
    " workplace network infrastructure headquarters hq remote home onsite warehouse production test staging pending approved rejected open closed"
    " users members owners reviewers approvers managers queue tier level shift committee board council".split()
)
