"""Models by name, and the deployments behind each."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from ipaddress import ip_address
from typing import Any, Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from deskmind.errors import ConfigurationError

__all__ = ["Deployment", "ModelConfig", "Policy", "Price", "Timeouts", "model_configs"]

Policy = Literal["order", "weighted", "least-latency", "least-cost", "least-busy"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(_Part):
    """US dollars for a million tokens. A local model's price is stated as zero, never assumed."""

    input: Decimal = Field(ge=0)
    output: Decimal = Field(Decimal(0), ge=0)
    cached_input: Decimal | None = Field(None, ge=0)


class Timeouts(_Part):
    """Seconds. ``first_token`` and ``gap`` bound streams; ``total`` bounds the call with all its attempts."""

    connect: float = Field(5.0, gt=0)
    first_token: float = Field(30.0, gt=0)
    gap: float = Field(20.0, gt=0)
    total: float = Field(120.0, gt=0)


class Deployment(_Part):
    """One endpoint that serves a model.

    Attributes:
        name: unique in the installation (the same deployment may serve several models); made of provider, model and host when left out.
        provider: ``openai`` for everything that speaks OpenAI's protocol (vLLM, Ollama, llama.cpp, any base URL),
            ``azure`` for Azure OpenAI, ``litellm`` for all others.
        model: the provider's name of the model; for ``litellm`` with its prefix, such as ``anthropic/claude-…``.
        base_url: where it is, without ``/chat/completions``.
        api_key: the credential; never printed.
        api_version: Azure's ``api-version``.
        headers: further request headers.
        weight: share of the calls under the policy ``weighted``.
        price: overrides the price table.
        max_input_tokens: overrides the price table's limit.
        max_output_tokens: reserved when a request sets no ``max_tokens``.
    """

    name: str = ""
    provider: Literal["openai", "azure", "litellm"] = "openai"
    model: str = Field(min_length=1)
    base_url: str = ""
    api_key: SecretStr | None = None
    api_version: str = "2024-10-21"
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    weight: float = Field(1.0, ge=0)
    price: Price | None = None
    max_input_tokens: int | None = Field(None, ge=1)
    max_output_tokens: int | None = Field(None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        filled: dict[str, Any] = {**cast("dict[str, Any]", values)}
        if not filled.get("base_url") and filled.get("provider", "openai") == "openai":
            filled["base_url"] = "https://api.openai.com/v1"
        filled["base_url"] = str(filled.get("base_url") or "").rstrip("/")
        if not filled.get("name"):
            host = urlsplit(filled["base_url"]).netloc.rpartition("@")[2]
            filled["name"] = "/".join(
                part for part in (filled.get("provider", "openai"), host, str(filled.get("model"))) if part
            )
        return filled

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.provider == "azure" and not self.base_url:
            raise ValueError("azure needs base_url, such as https://NAME.openai.azure.com")
        parts = urlsplit(self.base_url)
        if self.base_url and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("base_url is not an http or https address")
        if parts.username or parts.password:
            raise ValueError("base_url holds a credential; put it into api_key")
        return self


class ModelConfig(_Part):
    """A named model.

    Attributes:
        deployments: in order of preference.
        policy: how one is chosen for each call.
        retries: further rounds over the deployments after the first.
        backoff: seconds; the wait before round n is random up to ``backoff`` × 2ⁿ (full jitter), at most ``max_backoff``.
        restart_broken_streams: begin anew on the next deployment when a stream breaks after its first piece.
        breaker_failures: failures in a row that take a deployment out.
        cooldown: seconds it stays out before it is tried again.
        drain: seconds a stream is read on after its reader left, for the provider's count.
        extra_options: request fields beyond the chat format's own that callers may send, such as ``guided_json``.
    """

    deployments: tuple[Deployment, ...] = Field(min_length=1)
    policy: Policy = "order"
    retries: int = Field(2, ge=0, le=10)
    backoff: float = Field(0.25, ge=0)
    max_backoff: float = Field(10.0, ge=0)
    timeouts: Timeouts = Timeouts()  # pyright: ignore[reportCallIssue]
    restart_broken_streams: bool = False
    breaker_failures: int = Field(5, ge=1)
    cooldown: float = Field(15.0, gt=0)
    drain: float = Field(1.0, ge=0)
    extra_options: tuple[str, ...] = ()

    @property
    def sources(self) -> list[tuple[str, str, str]]:
        """What may answer: provider, address and model of each deployment. Replies of other sources are not its own."""
        return [(item.provider, item.base_url, item.model) for item in self.deployments]

    @property
    def on_this_machine(self) -> bool:
        """Whether every deployment is reached over the loopback interface; a proxy there is not looked behind."""
        return all(_loopback(urlsplit(deployment.base_url).hostname or "") for deployment in self.deployments)


def model_configs(models: Mapping[str, Any]) -> dict[str, ModelConfig]:
    """Named models from settings, mappings, or ``"provider/model"`` strings.

    Raises:
        ConfigurationError: a definition is wrong; secrets are not shown.
    """
    found: dict[str, ModelConfig] = {}
    for name, given in models.items():
        try:
            found[name] = (
                given if isinstance(given, ModelConfig) else ModelConfig.model_validate(_full(given))
            )
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False)
            raise ConfigurationError(
                f"The model '{name}' is not defined rightly.",
                why="; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in faults),
                remedy=f"Correct [models.{name}] in deskmind.toml.",
            ) from None
    _check_names(found)
    return found


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_names(models: Mapping[str, ModelConfig]) -> None:
    """Keys, prices and health are kept by a deployment's name, so two with one name must be the same."""
    known: dict[str, Deployment] = {}
    for name, config in models.items():
        for deployment in config.deployments:
            plain = deployment.model_copy(update={"weight": 1.0})
            if known.setdefault(deployment.name, plain) != plain:
                raise ConfigurationError(
                    f"Two different deployments are named '{deployment.name}'; one is of the model '{name}'.",
                    remedy="Give each a name of its own (deployments.name).",
                )


def _full(given: Any) -> Any:
    """``"openai/gpt-4o-mini"`` and a single deployment are short forms."""
    if isinstance(given, str):
        provider, _, model = given.partition("/")
        if provider == "openai":
            return {"deployments": [{"provider": "openai", "model": model}]}
        return {"deployments": [{"provider": "litellm", "model": given}]}
    if isinstance(given, Deployment):
        return {"deployments": [given]}
    if isinstance(given, (list, tuple)):
        return {"deployments": list(cast("list[Any]", given))}
    if isinstance(given, Mapping) and "deployments" not in given:
        return {"deployments": [dict(cast("Mapping[str, Any]", given))]}
    return cast("Any", given)
