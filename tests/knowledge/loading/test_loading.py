"""Loaders: what is read, and what is said of files that cannot be."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from pypdf import PdfWriter

from deskmind.errors import (
    DocumentTooLargeError,
    EncryptedDocumentError,
    StorageFullError,
    UnavailableError,
    UnreadableDocumentError,
    UnsupportedDocumentError,
)
from deskmind.knowledge.loading import LoadLimits, load, walk
from deskmind.knowledge.models import LoadedDocument


def one(data: bytes | str, name: str, limits: LoadLimits | None = None) -> LoadedDocument:
    """The only document of a file, its offsets checked."""
    (document,) = load(data.encode() if isinstance(data, str) else data, name=name, limits=limits)
    for block in document.blocks:
        assert document.text[block.start : block.end] == block.text
    return document


def test_markdown_keeps_headings_lists_tables_and_code() -> None:
    document = one(
        "---\ntitle: VPN guide\nid: KB1\ngroups: [hr, it]\n---\n# VPN\n\nIntro **bold** [portal](https://p.example).\n\n"
        "## Steps\n\n1. One\n2. Two\n\n```\n# not a heading\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quoted\n",
        "vpn.md",
    )
    assert document.title == "VPN guide"
    assert document.metadata == {"id": "KB1", "groups": "hr, it"}
    assert [block.kind for block in document.blocks] == ["paragraph", "list", "code", "table", "quote"]
    assert document.blocks[0].text == "Intro bold portal (https://p.example)."
    assert document.blocks[1].headings == ("VPN", "Steps")
    assert "# not a heading" in document.blocks[2].text


def test_the_title_is_the_first_heading_else_the_file_name() -> None:
    assert one("# Reset\n\ntext", "a.md").title == "Reset"
    assert one("# Reset\n\ntext", "a.md").blocks[0].headings == ()
    assert one("just text", "reset-vpn_token.md").title == "reset vpn token"


def test_broken_front_matter_is_text() -> None:
    document = one("---\ntitle: [unclosed\n---\n\nbody", "a.md")
    assert "body" in document.text
    assert one("---\n- list\n---\n\nbody", "a.md").metadata == {}


@pytest.mark.parametrize(
    "front",
    [
        "x: !!bool maybe",
        "x: !!int ''",
        "x: !!timestamp foo",
        "x: 0x" + "f" * 19_000,
        "x: " + ":".join(["1"] * 300) + ".5",
        "x: " + "[" * 9_000,
        "x: &a 1\ny: *a",
        "x: &a {k: 1}\n<<: *a",
    ],
)
def test_front_matter_that_cannot_be_read_is_text(front: str) -> None:
    document = one(f"---\n{front}\n---\n\nbody", "a.md")
    assert document.metadata == {}
    assert document.title.startswith(front[:4])  # to Markdown, a line above three hyphens is a heading
    assert document.text == "body"


def test_nested_aliases_are_not_written_out() -> None:
    """They were: a file of 350 bytes made a text of gigabytes. Three levels show it."""
    front = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]"
    document = one(f"---\n{front}\n---\n\nbody", "a.md")
    assert document.metadata == {}
    assert document.title.endswith("c: [*b, *b, *b]")


def test_front_matter_keeps_scalars_and_lists_of_them() -> None:
    front = "id: 7\nday: 2026-01-02\ntags: [a, {b: c}, 3, [d]]\nnested: {k: v}\nempty:\nlong: " + "y" * 3_000
    document = one(f"---\n{front}\n---\n\nbody", "a.md")
    assert document.metadata == {"id": "7", "day": "2026-01-02", "tags": "a, 3", "long": "y" * 1_000}
    assert document.text == "body"


def test_html_keeps_structure_and_drops_scripts() -> None:
    document = one(
        "<html><head><title>Page</title><script>evil()</script></head><body><nav>menu</nav><h1>Wi-Fi</h1>"
        "<p>Join <b>Office</b>.<br>Then wait.</p><ul><li>one<ul><li>inner</li></ul></li><li>two</li></ul>"
        "<table><tr><th>site</th><th>code</th></tr><tr><td>Hull</td><td>H|1</td></tr></table>"
        "<pre>line 1\n  line 2</pre><blockquote>said</blockquote><dl><dt>term</dt><dd>meaning</dd></dl>loose</body></html>",
        "w.html",
    )
    assert document.title == "Wi-Fi"
    assert "evil" not in document.text
    assert "menu" not in document.text
    kinds = {block.kind for block in document.blocks}
    assert kinds == {"paragraph", "list", "table", "code", "quote"}
    assert "- one\n  - inner\n- two" in document.text
    assert "| Hull | H\\|1 |" in document.text
    assert "- term:\n  meaning" in document.text
    assert document.blocks[0].text == "Join Office.\nThen wait."


def test_plain_text_becomes_paragraphs() -> None:
    assert [block.text for block in one("one\nmore\n\ntwo\r\n", "n.txt").blocks] == ["one\nmore", "two"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("\ufeffgrüße".encode(), "grüße"),
        ("grüße aus München".encode("utf-16"), "grüße aus München"),
        ("Die Tür im Büro öffnet sich für Gäste schon früh am Morgen.".encode("latin-1"), "Tür"),
        (b"long enough a text " * 20 + b"before\x00after\x07", "beforeafter"),
    ],
)
def test_encodings_are_recognised(data: bytes, expected: str) -> None:
    assert expected in one(data, "a.txt").text


def test_csv_rows_are_documents() -> None:
    documents = load(b"number,subject,description\n1,VPN down,It is down\n2,Printer,No paper\n", name="t.csv")
    assert [document.title for document in documents] == ["VPN down", "Printer"]
    assert documents[0].text == "It is down"
    assert documents[0].metadata == {"number": "1"}


def test_csv_without_a_text_column_lists_its_fields() -> None:
    (document,) = load(b"host;site\ndb1;Hull\n", name="hosts.csv")
    assert document.text == "host: db1\nsite: Hull"


def test_json_lines_are_documents() -> None:
    documents = load(
        b'{"title": "A", "text": "alpha", "tags": ["x"]}\n\n{"question": "B?", "answer": "beta"}\n',
        name="k.jsonl",
    )
    assert [(item.title, item.text) for item in documents] == [("A", "alpha"), ("B?", "beta")]
    assert documents[0].metadata == {"tags": '["x"]'}


def test_a_broken_json_line_is_named() -> None:
    with pytest.raises(UnreadableDocumentError, match="line 2"):
        load(b'{"text": "a"}\nnot json\n', name="k.jsonl")
    with pytest.raises(UnreadableDocumentError, match="no records"):
        load(b"{}\n", name="k.jsonl")


def test_too_many_records_are_refused() -> None:
    with pytest.raises(DocumentTooLargeError, match="records"):
        load(b"text\na\nb\nc\n", name="t.csv", limits=LoadLimits(max_records=2))


def test_docx_keeps_headings_lists_and_tables() -> None:
    document = docx.Document()
    document.core_properties.title = "Handbook"
    document.core_properties.author = "IT"
    document.add_heading("Leave", level=1)
    document.add_paragraph("Ask your manager.")
    document.add_paragraph("first", style="List Number")
    document.add_paragraph("dot", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    table.cell(0, 0).text = "a"
    table.cell(1, 1).text = "d"
    buffer = io.BytesIO()
    document.save(buffer)

    loaded = one(buffer.getvalue(), "h.docx")

    assert loaded.title == "Handbook"
    assert loaded.metadata == {"author": "IT"}
    assert [(block.kind, block.headings) for block in loaded.blocks] == [
        ("paragraph", ("Leave",)),
        ("list", ("Leave",)),
        ("list", ("Leave",)),
        ("table", ("Leave",)),
    ]
    assert loaded.blocks[1].text == "1. first"


def _docx() -> bytes:
    document = docx.Document()
    document.add_paragraph("hello " * 5_000)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _flipped() -> bytes:
    """A bit of the compressed text is another."""
    data = bytearray(_docx())
    member = zipfile.ZipFile(io.BytesIO(data)).getinfo("word/document.xml")
    data[member.header_offset + 30 + len(member.filename) + 8] ^= 0x55
    return bytes(data)


def _encrypted_member() -> bytes:
    """The flag of encryption, which python's reader heeds, in both headers of every member."""
    data = bytearray(_docx())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(sign, at + 1)) >= 0:
            data[at + place] |= 1
    return bytes(data)


def _broken_lzma() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("word/document.xml", "hello " * 5_000)
    data = bytearray(buffer.getvalue())
    start = 30 + len("word/document.xml")
    data[start + 4] = 0xFF  # its properties
    return bytes(data)


def _unknown_filter() -> bytes:
    return _pdf("text").replace(b"/Length ", b"/Filter /FooDecode /Length ")


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("flipped.docx", _flipped, "error"),
        ("locked.docx", _encrypted_member, "RuntimeError"),
        ("packed.docx", _broken_lzma, "LZMAError"),
        ("filter.pdf", _unknown_filter, "NotImplementedError"),
    ],
)
def test_a_damaged_file_is_unreadable_whatever_its_parser_raises(
    name: str, data: Callable[[], bytes], kind: str
) -> None:
    with pytest.raises(UnreadableDocumentError, match="cannot be read") as caught:
        load(data(), name=name)
    assert f"({kind})" in str(caught.value.why)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "error", [UnavailableError("no answer"), StorageFullError("full"), OSError(28, "full"), MemoryError()]
)
def test_what_is_no_fault_of_the_file_stays_what_it_is(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[LoadedDocument]:
        raise error

    monkeypatch.setattr("deskmind.knowledge.loading.plain.load_plain", broken)
    with pytest.raises(type(error)) as caught:
        load(b"text", name="a.txt")
    assert caught.value is error


def _pdf(text: str, *, password: str | None = None) -> bytes:
    """A one-page PDF that shows ``text``."""
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    page = writer.add_blank_page(300, 300)
    font = DictionaryObject(
        {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
         NameObject("/BaseFont"): NameObject("/Helvetica")}
    )  # fmt: skip
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
    )
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
    page[NameObject("/Contents")] = stream
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_pdf_text_is_read() -> None:
    document = one(_pdf("Reset the router first"), "r.pdf")
    assert document.text == "Reset the router first"
    assert document.metadata == {"pages": "1"}


def test_an_encrypted_pdf_says_so() -> None:
    with pytest.raises(EncryptedDocumentError, match="password"):
        load(_pdf("secret", password="hunter2"), name="s.pdf")


def test_a_pdf_with_too_many_pages_is_refused() -> None:
    with pytest.raises(DocumentTooLargeError, match="pages"):
        load(_pdf("x"), name="s.pdf", limits=LoadLimits(max_pages=0))


@pytest.mark.parametrize("name", ["a.md", "a.html", "a.txt", "a.pdf", "a.docx", "a.csv", "a.jsonl"])
@pytest.mark.parametrize("data", [b"", b" \n\t "])
def test_empty_files_say_so(name: str, data: bytes) -> None:
    with pytest.raises(UnreadableDocumentError, match="empty") as caught:
        load(data, name=name)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG image"),
        (b"\x7fELF" + bytes(100), "program"),
        (bytes(range(256)) * 4, "binary data"),
    ],
)
def test_binary_content_named_markdown_is_told(data: bytes, looks_like: str) -> None:
    with pytest.raises(UnreadableDocumentError, match=looks_like):
        load(data, name="notes.md")


@pytest.mark.parametrize(("name", "data"), [("a.pdf", b"%PDF-1.7 broken"), ("a.docx", b"PK\x03\x04broken")])
def test_damaged_files_say_so(name: str, data: bytes) -> None:
    with pytest.raises(UnreadableDocumentError, match="damaged"):
        load(data, name=name)


def test_an_old_word_file_is_named() -> None:
    with pytest.raises(EncryptedDocumentError, match=r"old \.doc"):
        load(b"\xd0\xcf\x11\xe0" + bytes(64), name="a.docx")


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(5_000_000))
    with pytest.raises(DocumentTooLargeError, match="unpacks"):
        load(buffer.getvalue(), name="bomb.docx", limits=LoadLimits(max_unpacked_bytes=1_000_000))


def test_unknown_kinds_name_the_known_ones() -> None:
    with pytest.raises(UnsupportedDocumentError, match=r"\.md"):
        load(b"x", name="a.xyz")
    with pytest.raises(UnsupportedDocumentError, match="text/markdown"):
        load(b"x", name="a.md", media_type="application/zip")
    assert one(_pdf("hello"), "no-suffix").media_type == "application/pdf"
    assert load(b"<p>hi</p>", name="x", media_type="text/html; charset=utf-8")[0].text == "hi"


def test_large_files_and_long_texts_are_refused() -> None:
    with pytest.raises(DocumentTooLargeError, match="bytes"):
        load(b"x" * 11, name="a.md", limits=LoadLimits(max_file_bytes=10))
    with pytest.raises(DocumentTooLargeError, match="characters"):
        load(b"word " * 100, name="a.md", limits=LoadLimits(max_text_chars=100))


def test_markup_without_text_says_so() -> None:
    with pytest.raises(UnreadableDocumentError, match="no text"):
        load(b"<script>x</script>", name="a.html")


@pytest.mark.parametrize("piece", ["#", "|", "[", "<", "`", "*", "- ", "> ", "a.", "<div>", "[](", "| a "])
@pytest.mark.parametrize("name", ["a.md", "a.html"])
def test_hostile_repetition_ends(piece: str, name: str) -> None:
    """Megabytes of one mark are read or refused, not pondered over."""
    data = (piece * (1_000_000 // len(piece))).encode()
    try:
        outcome = load(data, name=name)[0].text
    except UnreadableDocumentError as refused:
        outcome = refused.remedy
    assert outcome


def test_walk_finds_supported_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b/two.md", "one.txt", "skip.bin", ".hidden/three.md", ".four.md"):
        (tmp_path / name).write_text("text")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = list(walk([tmp_path, tmp_path / "one.txt", tmp_path / "skip.bin"], limits=LoadLimits()))
    assert [item.path.name for item in found] == ["one.txt", "two.md", "skip.bin"]
    assert found[0].size == 4
    assert found[0].uri == str(tmp_path / "one.txt")


def test_the_public_runbooks_load(shared_data: Path) -> None:
    import tarfile

    with tarfile.open(shared_data / "kb" / "prometheus-runbooks.tar.gz") as archive:
        members = [member for member in archive if member.isfile() and member.name.endswith(".md")]
        contents = {
            member.name: file.read()
            for member in members
            if (file := archive.extractfile(member)) is not None
        }
    titles = {
        name: one(content, name).title for name, content in contents.items() if not name.endswith("_index.md")
    }
    assert len(titles) > 100
    assert all(titles.values())
