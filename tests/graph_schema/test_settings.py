"""Settings from an environment: variables, secret files, and errors that name them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from graph_schema.errors import BadInput
from graph_schema.settings import Settings


def test_each_field_has_a_variable_and_an_empty_one_counts_as_unset() -> None:
    settings = Settings.from_environment(
        {"STEPGRAPH_DATA": "~/graphs", "STEPGRAPH_PORT": "9000", "STEPGRAPH_HOST": "", "stepgraph_neo4j_user": "x", "PORT": "1"}
    )
    assert (settings.data, settings.port) == (Path("~/graphs").expanduser(), 9000)
    assert (settings.host, settings.neo4j_user, settings.redis_url) == ("127.0.0.1", "neo4j", None)


def test_a_relative_data_directory_becomes_absolute() -> None:
    assert Settings.from_environment({"STEPGRAPH_DATA": "data"}).data == Path("data").absolute()


def test_a_secret_file_wins_over_the_variable_and_is_stripped(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(" from the file\n")
    variables = {"STEPGRAPH_NEO4J_PASSWORD": "from the variable", "STEPGRAPH_NEO4J_PASSWORD_FILE": str(secret)}
    assert Settings.from_environment(variables).neo4j_password.get_secret_value() == "from the file"
    secret.write_text("\n")
    assert Settings.from_environment(variables).neo4j_password.get_secret_value() == ""
    with pytest.raises(BadInput, match=r"STEPGRAPH_NEO4J_PASSWORD_FILE is '/none', which cannot be read: No such file"):
        Settings.from_environment({"STEPGRAPH_NEO4J_PASSWORD_FILE": "/none"})


def test_an_error_names_the_variable_and_its_rule() -> None:
    with pytest.raises(BadInput, match=r"^STEPGRAPH_PORT: Input should be less than or equal to 65535; change or unset it$"):
        Settings.from_environment({"STEPGRAPH_PORT": "70000"})


def test_every_wrong_variable_is_named() -> None:
    with pytest.raises(BadInput, match=r"^STEPGRAPH_PORT: .*; STEPGRAPH_LEASE_SECONDS: .*; change or unset them$"):
        Settings.from_environment({"STEPGRAPH_PORT": "70000", "STEPGRAPH_LEASE_SECONDS": "0"})


@pytest.mark.parametrize(
    ("text", "numbers"), [("", ()), ("all", ()), ("1", (0,)), ("3", (0, 1, 2)), ("0,3", (0, 3)), ("5,", (5,)), (" 2, 1 ", (2, 1))]
)
def test_gpus_are_a_count_or_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert Settings(gpus=text).gpu_numbers == numbers


@pytest.mark.parametrize("text", ["0", "-1", "two", "1,1", "0;1", ",", "65", "1.5", "²"])
def test_other_gpus_are_refused_by_name(text: str) -> None:
    with pytest.raises(BadInput, match=r"STEPGRAPH_GPUS: .*GPUs"):
        Settings.from_environment({"STEPGRAPH_GPUS": text})


def test_settings_made_in_code_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRAPH_PORT", "9000")
    assert Settings().port == 8000
    assert Settings.from_environment().port == 9000
    with pytest.raises(ValidationError):
        Settings(prot=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("OPENAI_URL", "nonsense", "it is no such address; give http://… of an OpenAI-compatible server, up to and with /v1"),
        ("NEO4J_URI", "http://user:secret@host", "http://… is no such address; give bolt://… or neo4j://…"),
        ("REDIS_URL", "localhost:6379", "it is no such address; give redis://…"),
    ],
)
def test_an_address_of_another_kind_is_refused_without_what_may_be_a_password(variable: str, value: str, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        Settings.from_environment({f"STEPGRAPH_{variable}": value})
    assert f"STEPGRAPH_{variable}: {message}" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_addresses_with_passwords_and_encryption_are_taken() -> None:
    values = {
        "STEPGRAPH_NEO4J_URI": "neo4j+s://host",
        "STEPGRAPH_REDIS_URL": "rediss://:pw@host/0",
        "STEPGRAPH_OPENAI_URL": "https://host/v1",
    }
    assert Settings.from_environment(values).neo4j_uri == "neo4j+s://host"
    for uri in ("bolt://127.0.0.1:7687", "bolt://[::1]:7687", "neo4j://graphs.example:7687?policy=eu", "neo4j+ssc://host"):
        assert Settings.from_environment({"STEPGRAPH_NEO4J_URI": uri}).neo4j_uri == uri
