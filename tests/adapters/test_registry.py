"""The table of adapters, and credentials from the environment."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from prefect_media.adapters import registry
from prefect_media.adapters.base import Adapter, CancelOutcome
from prefect_media.adapters.catalogue import all_cards
from prefect_media.adapters.credentials import Credentials, Limits, is_loopback
from prefect_media.adapters.registry import ADAPTERS, create, entry, from_environment, has_credentials, names
from prefect_media.errors import ConfigurationError, MissingCredentialsError, UnknownAdapterError

KEYED = {
    "replicate": ("REPLICATE_API_TOKEN", "https://api.replicate.com/v1"),
    "fal": ("FAL_KEY", "https://queue.fal.run"),
    "openai": ("OPENAI_API_KEY", "https://api.openai.com/v1"),
    "elevenlabs": ("ELEVENLABS_API_KEY", "https://api.elevenlabs.io"),
}


@pytest.mark.parametrize("name", KEYED)
def test_an_adapter_is_made_from_its_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable, base = KEYED[name]
    assert not has_credentials(name)
    monkeypatch.setenv(variable, " planted-key \n")
    assert has_credentials(name)
    credentials = from_environment(name)
    assert (credentials.key.get_secret_value(), credentials.base_url) == ("planted-key", base)
    assert create(name).name == name


@pytest.mark.parametrize("name", KEYED)
def test_the_base_url_can_be_replaced(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYED[name][0], "planted-key")
    monkeypatch.setenv(ADAPTERS[name].base_url_env, "http://127.0.0.1:4000/prefix/")
    credentials = from_environment(name)
    assert credentials.base_url == "http://127.0.0.1:4000/prefix"
    assert credentials.on_loopback


@pytest.mark.parametrize("name", KEYED)
def test_a_missing_key_names_its_variable(name: str) -> None:
    with pytest.raises(MissingCredentialsError, match=rf"{KEYED[name][0]}.*'local' models run without any key"):
        create(name)


@pytest.mark.parametrize("name", KEYED)
def test_each_adapter_satisfies_the_protocol(name: str) -> None:
    adapter = create(name, Credentials(provider=name, key=SecretStr("planted-key"), base_url="https://x.example"))
    assert isinstance(adapter, Adapter)
    assert "planted-key" not in repr(adapter)
    for method in ("upload", "submit", "check", "cancel", "fetch", "recent", "aclose"):
        wanted = inspect.signature(getattr(Adapter, method)).parameters
        assert list(inspect.signature(getattr(type(adapter), method)).parameters) == list(wanted)


@pytest.mark.parametrize("name", KEYED)
def test_the_cancellation_facts_of_adapter_cards_and_document_agree(name: str) -> None:
    adapter = create(name, Credentials(provider=name, key=SecretStr("planted-key"), base_url="https://x.example"))
    facts = adapter.cancellation
    charge = {True: "charged", False: "free", None: "not stated"}
    cells = [
        "cannot be canceled" if outcome is CancelOutcome.UNSUPPORTED else f"{outcome.value}, {charge[billed]}"
        for outcome, billed in ((facts.queued, facts.queued_billed), (facts.running, facts.running_billed))
    ]
    row = next(line for line in _document().splitlines() if line.lower().startswith(f"| {name} |"))
    assert [cell.strip() for cell in row.split("|")[2:4]] == cells
    assert facts.source
    words = {True: "billed", False: "free", None: "unknown"}
    for card in (card for card in all_cards() if card.provider == name):
        for said, outcome, billed in (
            (card.cancel.queued, facts.queued, facts.queued_billed),
            (card.cancel.running, facts.running, facts.running_billed),
        ):
            assert said == ("impossible" if outcome is CancelOutcome.UNSUPPORTED else words[billed]), card.id


def _document() -> str:
    import prefect_media

    return (Path(inspect.getfile(prefect_media)).parent / "docs" / "cancellation.md").read_text(encoding="utf-8")


def test_two_part_fal_keys_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY_ID", "id-1")
    assert not has_credentials("fal")
    monkeypatch.setenv("FAL_KEY_SECRET", "secret-2")
    assert from_environment("fal").key.get_secret_value() == "id-1:secret-2"


def test_further_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "planted-key")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    assert from_environment("openai").extra == {"organization": "org-1"}


def test_an_unknown_adapter_suggests_the_nearest() -> None:
    with pytest.raises(UnknownAdapterError, match=r"Unknown adapter 'replicat'.*Did you mean 'replicate'"):
        create("replicat")
    assert set(KEYED) <= set(names())
    assert entry("replicate").limits == Limits(submits_per_minute=600, requests_per_minute=3000)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("ftp://host", "must be http"),
        ("https://user:planted@host", "must be http"),
        ("https://host?x=planted", "must be http"),
        ("not a url", "must be http"),
        ("https://host:port", "not a URL"),
        ("http://api.example.com", "send the key unencrypted"),
    ],
)
def test_an_unusable_base_url_is_refused_by_name(value: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "planted-key")
    monkeypatch.setenv("FAL_BASE_URL", value)
    with pytest.raises(ConfigurationError, match=f"^FAL_BASE_URL cannot be used.*{problem}") as caught:
        create("fal")
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nend", "Schlüssel"])
def test_an_unusable_key_is_refused_without_showing_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", key)
    with pytest.raises(ConfigurationError, match=r"^FAL_KEY cannot be used") as caught:
        create("fal")
    assert key not in str(caught.value)
    with pytest.raises(ValidationError) as raw:
        Credentials(provider="fal", key=SecretStr(key), base_url="https://x.example")
    assert key not in str(raw.value)


@pytest.mark.parametrize("base", ["http://localhost:1", "http://10.0.0.1:1", "http://simulator:1", "http://[::1]:1"])
def test_plain_http_is_taken_in_private_networks(base: str) -> None:
    assert Credentials(provider="fal", key=SecretStr("k"), base_url=base).base_url == base


def test_loopback_is_recognised() -> None:
    assert all(map(is_loopback, ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]))
    assert not any(map(is_loopback, ["10.0.0.1", "localhost.example.com", "example.com", ""]))


def test_credentials_do_not_show_their_key() -> None:
    credentials = Credentials(provider="fal", key=SecretStr("planted-key"), base_url="https://x.example")
    assert "planted-key" not in f"{credentials!r} {credentials} {credentials.model_dump_json()}"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Give a function that installs a distribution with one adapter, whose entry point names the given object."""

    def install(target: str) -> None:
        info = tmp_path / "extra_adapters-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra-adapters\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\nextra = extra_adapters:{target}\n")
        (tmp_path / "extra_adapters.py").write_text(
            "from prefect_media.adapters.registry import AdapterEntry\n"
            "ENTRY = AdapterEntry('extra_adapters', 'Extra')\n"
            "class Extra:\n    name = 'extra'\n"
        )
        registry._installed.cache_clear()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield install
    registry._installed.cache_clear()
    sys.modules.pop("extra_adapters", None)


def test_other_distributions_add_adapters(installed: Callable[[str], None]) -> None:
    installed("ENTRY")
    assert "extra" in names()
    assert has_credentials("extra")
    assert create("extra").name == "extra"


def test_an_entry_point_of_another_kind_is_refused(installed: Callable[[str], None]) -> None:
    installed("Extra")
    with pytest.raises(ConfigurationError, match=r"'extra_adapters:Extra'.*must be an AdapterEntry"):
        names()
