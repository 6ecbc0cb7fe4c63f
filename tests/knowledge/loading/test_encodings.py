"""Texts without a mark are read in their encoding, short ones too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskmind.knowledge.loading.text import decode

_WESTERN = [
    "Müller",
    "résumé",
    "Señor Núñez",
    "Größe: 5 m², Höhe 2½ m – „dicht“, 20 €",
    "Le réseau est indisponible à cause d'une panne électrique.",
    "Der Drucker läuft nicht, bitte Gerät prüfen.",
    "Contraseña caducada: ¿pide una nueva?",
    "A impressão não está disponível até amanhã às oito.",
    "Skrivaren står på fjärde våningen, ring för hjälp.",
    "Printeren står på anden sal, bed om hjælp på øen.",
    "La stampante non è più lì: chiedi perché.",
    "Prentarinn er bilaður, hringdu í þjónustuborðið.",
    "L’imprimante – “cassée” – coûte 5 €…",
]
_OTHERS = [
    ("cp1250", "Drukarka nie działa, proszę zgłosić się do działu wsparcia."),
    ("iso8859_2", "Drukarka nie działa, proszę zgłosić się do działu wsparcia."),
    ("cp1250", "Tiskárna nefunguje, kontaktujte prosím oddělení podpory."),
    ("iso8859_2", "Tiskárna nefunguje, kontaktujte prosím oddělení podpory."),
    ("cp1250", "A nyomtató nem működik, kérjük, forduljon hozzánk, ha elfelejtette jelszavát."),
    ("cp1254", "Yazıcı çalışmıyor, lütfen destek birimine başvurun."),
    ("cp1257", "Spausdintuvas neveikia, kreipkitės į pagalbos tarnybą, šiandien iki vidurdienio."),
    ("cp1251", "Принтер не работает, обратитесь в службу поддержки."),
    ("koi8_r", "Принтер не работает, обратитесь в службу поддержки."),
    ("cp1253", "Ο εκτυπωτής δεν λειτουργεί, επικοινωνήστε με την υποστήριξη."),
    ("shift_jis", "プリンターが動作しません。サポートに連絡してください。"),
    ("euc_jp", "プリンターが動作しません。サポートに連絡してください。"),
    ("gb18030", "打印机无法工作,请联系技术支持部门。"),
    ("euc_kr", "프린터가 작동하지 않습니다. 지원팀에 문의하세요."),
]
_ALPHABETS = ["éèàçùê", "äöüß", "ñáéíóú", "ãõçáéêó", "åäö", "æøå", "àèéìòù"]


@pytest.mark.parametrize("text", _WESTERN)
def test_western_european(text: str) -> None:
    assert decode("a.txt", text.encode("cp1252")) == text


@pytest.mark.parametrize(("encoding", "text"), _OTHERS)
def test_other_scripts_and_languages(encoding: str, text: str) -> None:
    assert decode("a.txt", text.encode(encoding)) == text


@pytest.mark.parametrize("text", [*_WESTERN, *(text for _, text in _OTHERS)])
def test_utf8_is_utf8_even_when_it_was_cut_in_a_character(text: str) -> None:
    whole = (text * 3).encode()
    assert decode("a.txt", whole) == text * 3
    while whole[-1] < 0x80:
        whole = whole[:-1]
    read = decode("a.txt", whole[:-1])
    assert read.startswith(text)
    assert read.endswith("\ufffd")


@given(
    st.sampled_from(_ALPHABETS).flatmap(
        lambda letters: st.lists(
            st.text(letters + "abcdenrst", min_size=3, max_size=9), min_size=1, max_size=8
        )
    )
)
def test_words_of_one_western_language_are_never_read_as_something_else(words: list[str]) -> None:
    letters = " ".join(words)
    text = "".join(
        letter if place % 3 else "e" for place, letter in enumerate(letters)
    )  # none has three in a row
    assert decode("a.txt", text.encode("cp1252")) == text
