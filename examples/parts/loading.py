"""Loading and chunking alone: a file's bytes to section-sized pieces. No extra and no database.

Run it: python examples/parts/loading.py
"""

from __future__ import annotations

from deskmind.errors import DocumentError
from deskmind.knowledge.chunking import chunk
from deskmind.knowledge.loading import LoadLimits, load

PAGE = b"""<html><head><title>Laptops</title></head><body>
<h1>Laptops</h1><p>Every laptop is encrypted.</p>
<h2>Batteries</h2><p>A battery that swells is replaced the same day. Do not charge it.</p>
<table><tr><th>model</th><th>battery</th></tr><tr><td>L14</td><td>57 Wh</td></tr></table>
</body></html>"""


def main() -> None:
    limits = LoadLimits(max_text_chars=100_000)
    for document in load(PAGE, name="laptops.html", limits=limits):
        print(f"{document.title} ({document.media_type}), {len(document.blocks)} blocks")
        for piece in chunk(document):
            assert document.text[piece.start : piece.end] == piece.text
            print(f"  {piece.start}-{piece.end} {' > '.join(piece.headings)}: {piece.text.splitlines()[0]}")
    try:
        load(b"", name="empty.md", limits=limits)
    except DocumentError as error:
        print(f"refused: {error}")


if __name__ == "__main__":
    main()
