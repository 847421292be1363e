"""A key is declared once: the page, the editor's schema, the example file and the variables all follow from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.settings.environment import SHOP_SECRETS
from pipeline.settings.fields import Form
from pipeline.settings.forms import SettingsForm, ShopForm
from pipeline.settings.reference import PAGE, SCHEMA, inner_form, json_schema, reference

ROOT = Path(__file__).parents[3]


def forms(form: Form) -> list[Form]:
    inner = [inner_form(field) for field in form.fields.values()]
    return [form, *(below for schema in inner if isinstance(schema, Form) for below in forms(schema))]


FORMS = forms(SettingsForm())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: type(form).__name__)
def test_every_key_says_what_it_does_in_one_sentence(form: Form) -> None:
    silent = [name for name, field in form.fields.items() if not field.metadata.get("help", "").endswith(".")]
    assert silent == []


def test_the_reference_page_and_the_editors_schema_are_up_to_date() -> None:
    again = "python -m pipeline.settings.reference writes it again"
    assert (ROOT / PAGE).read_text(encoding="utf-8") == reference(), again
    assert (ROOT / SCHEMA).read_text(encoding="utf-8") == json_schema(), again


def test_every_secret_of_a_shop_can_come_from_the_environment() -> None:
    tables = {name: inner_form(field) for name, field in ShopForm().fields.items()}
    secret = {f"{t}.{k}" for t, form in tables.items() if form for k, f in form.fields.items() if f.metadata["secret"]}
    assert secret | {"hooks.basic_user"} == set(SHOP_SECRETS)


def test_the_example_file_shows_every_key_that_is_no_secret() -> None:
    text = (ROOT / "returnline.toml").read_text(encoding="utf-8")
    shown = set(re.findall(r"(\w+) = ", text)) | set(re.findall(r"[\[.](\w+)", text))
    declared = {n for form in FORMS for n, f in form.fields.items() if not f.metadata["secret"]}
    assert declared - shown == {"basic_user"}


def test_the_example_file_names_its_schema_to_the_editor() -> None:
    text = (ROOT / "returnline.toml").read_text(encoding="utf-8")
    assert text.startswith(f"#:schema {SCHEMA.as_posix()}\n")
    assert json.loads(json_schema())["additionalProperties"] is False
