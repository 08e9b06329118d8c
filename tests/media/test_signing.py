"""Content credentials: signed by a test authority, read back and verified, noticed where they are lost."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import c2pa
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from prefect_media.errors import (
    ConfigurationError,
    DecodeError,
    MissingExtraError,
    ParameterError,
    ProbeError,
    UnsupportedMediaError,
)
from prefect_media.media.container import scan
from prefect_media.media.images.fit import fit_image
from prefect_media.media.probe import probe
from prefect_media.media.provenance import read_provenance, write_provenance
from prefect_media.media.signing.carried import carries_credentials
from prefect_media.media.signing.certificate import load_certificate
from prefect_media.media.signing.reading import read_credentials
from prefect_media.media.signing.sign import sign_media
from prefect_media.media.sounds.edit import trim_audio
from prefect_media.media.videos.transcode import transcode
from prefect_media.settings import get_settings

from ..certificates import Signing, new_key, pem_of

SIGNED = ("png", "jpeg", "webp", "avif", "gif", "tiff", "mp4", "mov", "m4a", "mp3", "wav", "flac")
UNSIGNED = ("bmp", "mkv", "webm", "aac", "ogg")
GENERATED: dict[str, Any] = {"made": "model", "made_by": "fal:fal-ai/flux/dev"}


@pytest.fixture
def of_type(every_type: dict[str, bytes], tmp_path: Path) -> Any:
    def write(name: str) -> Path:
        path = tmp_path / f"source.{name}"
        path.write_bytes(every_type[name])
        return path

    return write


def signed(source: Path, ingredients: Any = (), name: str = "signed", **options: Any) -> Path:
    target = source.with_name(f"{name}{source.suffix}")
    sign_media(source, list(ingredients), target, **options)
    return target


def manifest(path: Path) -> dict[str, Any]:
    """Return the active manifest as c2pa's own reader tells it."""
    with c2pa.Reader(path) as reader:
        told = json.loads(reader.json())
    return told["manifests"][told["active_manifest"]]


@pytest.mark.parametrize("name", SIGNED)
def test_a_signed_file_validates_and_plays_as_before(name: str, of_type: Any, certified: Signing) -> None:
    source = of_type(name)
    target = signed(source, **GENERATED)
    found = read_credentials(target)
    assert found is not None
    assert (found.state, found.problems) == ("Valid", ("signingCredential.untrusted",))
    assert found.generator.startswith("prefect-media/0.")
    assert found.signer == "Studio"
    assert (found.source_types, found.is_generated) == (("trainedAlgorithmicMedia",), True)
    assert read_credentials(target, trust=certified.authority).state == "Trusted"  # type: ignore[union-attr]

    before, after = probe(source), probe(target)
    assert (after.media_type, after.fields) == (before.media_type, before.fields)
    assert target.stat().st_size - source.stat().st_size < 5_000
    assert read_credentials(source) is None
    assert not carries_credentials(source, before.media_type)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "mp4", "wav"])
def test_a_changed_byte_is_noticed(name: str, of_type: Any, certified: Signing) -> None:
    source = of_type(name)
    target = signed(source, **GENERATED)
    data, original = bytearray(target.read_bytes()), source.read_bytes()
    data[data.index(original[-200:-150])] ^= 1
    target.write_bytes(data)
    found = read_credentials(target, trust=certified.authority)
    assert found is not None
    assert (found.state, found.is_valid) == ("Invalid", False)
    assert found.problems == ("assertion.bmffHash.mismatch" if name == "mp4" else "assertion.dataHash.mismatch",)


def test_what_is_claimed_names_parts_and_no_prompt(of_type: Any, certified: Signing) -> None:
    video, voice, picture = of_type("mp4"), of_type("wav"), of_type("png")
    about = [
        {"made_by": "local:ken-burns", "made": "composite", "digest": "ab" * 32},
        {"made_by": "elevenlabs:eleven_v3", "made": "model"},
        {"made_by": "fal:fal-ai/flux/dev", "made": "model", "role": "input"},
    ]
    parts = [voice.with_name("clip.mkv"), voice, picture]
    parts[0].write_bytes(b"not signable, not even media")
    target = signed(video, parts, made="composite", made_by="merge", about=about, title="Clip")
    told = manifest(target)
    assert told["title"] == "Clip"
    assert [(each["title"], each["relationship"]) for each in told["ingredients"]] == [
        ("application by local:ken-burns", "componentOf"),
        ("audio by elevenlabs:eleven_v3", "componentOf"),
        ("image by fal:fal-ai/flux/dev", "inputTo"),
    ]
    assert told["ingredients"][0]["description"] == "SHA-256 " + "ab" * 32
    (actions,) = [each["data"]["actions"] for each in told["assertions"] if each["label"].startswith("c2pa.actions")]
    assert [(each["action"], each["digitalSourceType"].rpartition("/")[2], each["softwareAgent"]["name"]) for each in actions] == [
        ("c2pa.created", "compositeWithTrainedAlgorithmicMedia", "merge"),
        ("c2pa.placed", "compositeWithTrainedAlgorithmicMedia", "local:ken-burns"),
        ("c2pa.placed", "trainedAlgorithmicMedia", "elevenlabs:eleven_v3"),
    ]  # fmt: skip
    assert [len(each["parameters"]["ingredients"]) for each in actions[1:]] == [1, 1]


def test_credentials_that_came_in_are_the_parents(of_type: Any, certified: Signing) -> None:
    photo = signed(of_type("png"), name="photo", **GENERATED)
    small = photo.with_name("small.png")
    fit_image(photo, small, width=32, height=32)
    assert read_credentials(small) is None
    target = signed(small, [photo], made_by="fit_image")
    found = read_credentials(target, trust=certified.authority)
    assert found is not None
    assert (found.state, found.actions) == ("Trusted", ("c2pa.opened", "c2pa.edited"))
    assert [(each.relationship, each.is_signed) for each in found.ingredients] == [("parentOf", True)]
    assert found.source_types == ("trainedAlgorithmicMedia",), "said by the parent"


def test_signing_twice_keeps_the_first_signature(of_type: Any, certified: Signing) -> None:
    once = signed(of_type("jpeg"), name="once", **GENERATED)
    found = read_credentials(signed(once, name="twice"))
    assert found is not None
    assert found.actions == ("c2pa.opened",)
    assert [(each.relationship, each.is_signed) for each in found.ingredients] == [("parentOf", True)]
    assert found.is_generated


def test_what_came_from_outside_is_opened_and_parts_of_unknown_origin_are_a_composite(
    of_type: Any, certified: Signing
) -> None:
    alone = read_credentials(signed(of_type("png"), name="alone"))
    assert alone is not None
    assert (alone.actions, alone.source_types, alone.is_generated) == (("c2pa.created",), ("composite",), False)
    edited = read_credentials(signed(of_type("png"), [of_type("jpeg")], made_by="crop_image"))
    assert edited is not None
    assert (edited.actions, edited.source_types) == (("c2pa.opened", "c2pa.edited"), ())


@pytest.mark.parametrize("name", UNSIGNED)
def test_formats_without_a_place_are_refused(name: str, of_type: Any, certified: Signing) -> None:
    with pytest.raises(UnsupportedMediaError, match="has no place for content credentials. Allowed: image/png"):
        signed(of_type(name))
    assert read_credentials(of_type(name)) is None


def test_what_is_told_of_ingredients_is_checked(of_type: Any, certified: Signing) -> None:
    with pytest.raises(ParameterError, match="about tells of 1 ingredients, there are 2"):
        signed(of_type("png"), [of_type("png")] * 2, about=[{}])
    with pytest.raises(ParameterError, match="about: made: Input should be 'model'"):
        signed(of_type("png"), [of_type("png")], about=[{"made": "magic"}])
    with pytest.raises(ParameterError, match="made='magic' is unknown. Known: model, procedure, composite"):
        signed(of_type("png"), made="magic")


# -- local operations --


def test_operations_carry_no_broken_credentials_on(of_type: Any, certified: Signing) -> None:
    for name in ("png", "jpeg", "webp"):
        source, target = signed(of_type(name), **GENERATED), of_type(name).with_name(f"written.{name}")
        write_provenance(source, target, made="model")
        assert read_credentials(target) is None
        assert read_provenance(target) is not None
    for name, operation, options in (
        ("mp4", write_provenance, {"made": "model"}),
        ("mp4", transcode, {"to": "mp4"}),
        ("mp3", trim_audio, {"seconds": 0.3}),
        ("wav", trim_audio, {"seconds": 0.3}),
        ("flac", write_provenance, {"made": "model"}),
        ("mp3", write_provenance, {"made": "model"}),
        ("wav", write_provenance, {"made": "model"}),
    ):
        source, target = signed(of_type(name), **GENERATED), of_type(name).with_name(f"written.{name}")
        operation(source, target, **options)
        assert read_credentials(target) is None, (name, operation)


def test_a_store_over_several_jpeg_segments_goes_as_a_whole(of_type: Any, certified: Signing) -> None:
    parts = [signed(of_type("png"), name=f"part{number}", **GENERATED) for number in range(24)]
    source = signed(of_type("jpeg"), parts)
    assert source.stat().st_size > 70_000, "one segment holds 65 kB"
    target = source.with_name("written.jpeg")
    write_provenance(source, target, made="composite")
    assert b"jumb" not in target.read_bytes()
    assert target.stat().st_size < 5_000


def test_damaged_credentials_are_refused_or_invalid(of_type: Any, certified: Signing) -> None:
    source = signed(of_type("jpeg"), **GENERATED)
    data = source.read_bytes()
    start, states = data.index(b"c2pa"), []

    def state(path: Path) -> str | None:
        try:
            found = read_credentials(path)
        except DecodeError:
            return "unreadable"
        return found.state if found else None

    for at in range(start, start + 3000, 61):
        source.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        states.append(state(source))
    for size in range(20, len(data), 97):
        source.write_bytes(data[:size])
        states.append(state(source))
    assert {"Invalid", "unreadable"} <= set(states), "and nothing else was raised"


# -- certificates --


def use(monkeypatch: pytest.MonkeyPatch, certificate: Path | str, key: Path | str) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_C2PA_CERTIFICATE", str(certificate))
    monkeypatch.setenv("PREFECT_MEDIA_C2PA_KEY", str(key))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ec.generate_private_key(ec.SECP521R1()), "es512"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_key_signs(
    key: Any, algorithm: str, signing: Signing, of_type: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, *signing.issue(f"Signer {algorithm}", key=key))
    assert load_certificate().algorithm == algorithm
    found = read_credentials(signed(of_type("png"), **GENERATED), trust=signing.authority)
    assert found is not None
    assert (found.state, found.signer) == ("Trusted", f"Signer {algorithm}")


def test_a_wrong_certificate_is_one_clear_error(
    signing: Signing, tmp_path: Path, of_type: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, other = signing.key.read_text(), tmp_path / "other.key"
    other.write_bytes(pem_of(new_key()))
    locked = tmp_path / "locked.key"
    locked.write_bytes(pem_of(new_key(), b"password"))
    strange = tmp_path / "strange.key"
    strange.write_bytes(pem_of(dsa.generate_private_key(1024)))
    junk = tmp_path / "junk.pem"
    junk.write_bytes(b"\xff\x00")
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    late, soon = signing.issue("Late", days=(-9, -2)), signing.issue("Soon", days=(2, 9))
    web = signing.issue("Web", usage=ExtendedKeyUsageOID.SERVER_AUTH)
    cases: list[tuple[Any, Any, str]] = [
        ("", signing.key, "Cannot sign: PREFECT_MEDIA_C2PA_CERTIFICATE not set."),
        ("", "", "Cannot sign: PREFECT_MEDIA_C2PA_CERTIFICATE and PREFECT_MEDIA_C2PA_KEY not set."),
        (signing.chain, tmp_path / "none.key", f"Cannot read the private key, '{tmp_path}/none.key': No such file"),
        (junk, signing.key, f"Cannot read the certificate chain, '{junk}': it is not text."),
        (empty, signing.key, f"Cannot sign: '{empty}' holds no certificate in PEM."),
        (signing.chain, empty, f"Cannot sign: '{empty}' holds no private key in PEM."),
        (signing.chain, locked, f"Cannot sign: '{locked}' is protected by a password."),
        (
            signing.chain,
            other,
            "Cannot sign: the key 'other.key' does not belong to the first certificate of 'Studio.pem'.",
        ),
        (signing.authority, signing.key, "Cannot sign: the key 'Studio.key' does not belong to the first certificate"),
        (signing.chain, strange, "Cannot sign: the key 'strange.key' does not belong"),
        (*late, "Cannot sign with 'Late.pem': the certificate ended on 2"),
        (*soon, "Cannot sign with 'Soon.pem': the certificate begins on 2"),
        (*web, "Cannot sign with 'Web.pem': "),
    ]
    for certificate, key, message in cases:
        use(monkeypatch, certificate, key)
        with pytest.raises(ConfigurationError) as refused:
            signed(of_type("png"))
        assert str(refused.value).startswith(message)
        assert secret.splitlines()[1] not in "".join(map(repr, (refused.value, refused.value.__cause__)))


def test_the_key_is_shown_nowhere_and_a_renewed_one_is_read(certified: Signing, of_type: Any, tmp_path: Path) -> None:
    secret = certified.key.read_text().splitlines()[1]
    shown = f"{load_certificate()!r} {load_certificate()} {get_settings()!r}"
    assert secret not in shown
    assert "key=b" not in shown
    assert secret.encode() not in signed(of_type("png")).read_bytes()


def test_without_the_extra_one_is_told_which(of_type: Any, certified: Signing) -> None:
    target = signed(of_type("png"))
    code = (
        "import sys; sys.modules['c2pa'] = None\n"
        "from pathlib import Path\n"
        "from prefect_media.media.signing.sign import sign_media\n"
        "from prefect_media import MissingExtraError, read_credentials\n"
        f"path = Path({str(target)!r})\n"
        "for ask in (lambda: sign_media(path, [], path), lambda: read_credentials(path)):\n"
        "    try: ask()\n"
        "    except MissingExtraError as exc: print(exc)\n"
        f"print(read_credentials({str(of_type('jpeg'))!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    told = "Content credentials need the extra c2pa. Install it: pip install 'prefect-media[c2pa]'."
    assert done.stdout.splitlines() == [told, told, "None"]


def test_files_that_are_not_there_are_named(tmp_path: Path, of_type: Any, certified: Signing) -> None:
    with pytest.raises(ProbeError, match=r"the credentials of 'none.png': there is no such file"):
        read_credentials(tmp_path / "none.png")
    with pytest.raises(ConfigurationError, match="Cannot read the certificates to trust"):
        read_credentials(signed(of_type("png")), trust=tmp_path / "none.pem")
    assert issubclass(MissingExtraError, ConfigurationError)
    assert scan(signed(of_type("mp4"))).picture is not None
