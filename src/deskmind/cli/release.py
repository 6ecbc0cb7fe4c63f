"""The record of a release, for who builds it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deskmind import __version__
from deskmind.cli.options import AsJson
from deskmind.cli.output import print_value, say, write_file
from deskmind.cli.session import CommandLine
from deskmind.errors import InvalidRequestError

if TYPE_CHECKING:
    from deskmind.governance.evidence.bundle import EvidenceKey

__all__ = ["release_app"]

release_app = typer.Typer(help="What was tested when a release was built.", no_args_is_help=True)

_WRONG = 1
File = Annotated[Path, typer.Argument(dir_okay=False)]


@release_app.command("key")
def key(file: File) -> None:
    """Make a key that signs releases, keep it in FILE, and show its public half."""
    import secrets

    def make() -> str:
        from deskmind.governance.evidence.bundle import EvidenceKey

        if file.exists():
            raise InvalidRequestError(f"{file} exists.", remedy="Name another file, or delete it yourself.")
        secret = secrets.token_bytes(32)
        write_file(file, base64.b64encode(secret) + b"\n")
        return str(EvidenceKey(secret, "deskmind.release").public)

    say(CommandLine(None, None).guard(make))


@release_app.command("record")
def record(
    key_file: Annotated[Path, typer.Option("--key-file", help="Of `deskmind release key`.", dir_okay=False)],
    commit: Annotated[str, typer.Option("--commit", help="What the release is built of.")],
    junit: Annotated[
        list[Path], typer.Option("--junit", help="Of pytest --junitxml; may be repeated.", dir_okay=False)
    ],
    coverage: Annotated[
        Path | None, typer.Option("--coverage", help="Of `coverage json`.", dir_okay=False)
    ] = None,
    documentation: Annotated[
        str, typer.Option("--documentation", help="What the names of the documentation's tests contain.")
    ] = "test_documentation",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Instead of into the package.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Record what was tested, bound to the package's files as they lie here, and sign it."""
    line = CommandLine(None, None, as_json=as_json)

    def make() -> Path:
        from deskmind.governance.evidence import release

        try:
            tests = [one.read_bytes() for one in junit]
            made = release.make_record(
                _secret(key_file),
                version=__version__,
                commit=commit,
                tests=release.run_of(tests, ""),
                coverage=release.coverage_of(coverage.read_bytes()) if coverage else None,
                documentation=release.run_of(tests, documentation) if documentation else None,
            )
        except (OSError, ValueError) as error:
            raise InvalidRequestError("The release cannot be recorded.", why=f"{error}.") from error
        target = output or release.PACKAGED_RECORD
        write_file(target, made.text.encode())
        target.chmod(0o644)
        return target

    target = line.guard(make)
    print_value({"file": str(target)}, f"Recorded in {target}.", as_json=as_json)


@release_app.command("verify")
def verify(
    file: File,
    key: Annotated[list[str], typer.Option("--key", help="A public key, or a file of them.")],
    as_json: AsJson = False,
) -> None:
    """Check a record, and whether this package is what it was made of. Exit code 1 when not."""
    line = CommandLine(None, None, as_json=as_json)

    def check() -> dict[str, object]:
        from deskmind.governance.audit.verify import read_keys
        from deskmind.governance.evidence.release import ReleaseRecord

        try:
            record = ReleaseRecord.parse(file.read_text("utf-8"))
            signer = record.signed_by(read_keys(key))
        except (OSError, ValueError) as error:
            raise InvalidRequestError(f"{file} cannot be checked.", why=f"{error}.") from error
        return {
            "signed": signer is not None,
            "this_package": record.of_this_package,
            **{name: record.statement[name] for name in ("version", "commit", "built_at")},
        }

    found = line.guard(check)
    holds = bool(found["signed"] and found["this_package"])
    signed = "Signed with a key that was given" if found["signed"] else "Not signed with a key that was given"
    files = "these are its files." if found["this_package"] else "these are not its files."
    print_value(found, f"{signed}; {files}", as_json=as_json)
    if not holds:
        raise typer.Exit(_WRONG)


def _secret(file: Path) -> EvidenceKey:
    from deskmind.governance.evidence.bundle import EvidenceKey

    return EvidenceKey(base64.b64decode(file.read_bytes(), validate=False), "deskmind.release")
