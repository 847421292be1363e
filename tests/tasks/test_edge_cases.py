"""Cases of docs/edge-cases.md about the platform that have no better home."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from schemas.concerns import ConcernType
from tasks.polls import polls
from tests.tasks.practice import SHOP, Bench

OURS = "https://hooks.example.com/hooks/cin7/alder/practice-token-0123456789/Sale/InvoiceAuthorised"


class Registrations:
    """The webhooks page of the practice company, as a person sees it."""

    def __init__(self, bench: Bench) -> None:
        access = bench.settings.shop(SHOP).cin7
        self._url = access.base_url.rstrip("/")
        self._keys = {"api-auth-accountid": access.account_id, "api-auth-applicationkey": access.application_key}
        self._made: list[str] = []

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        address = f"{self._url}/{path}"
        return httpx.request(method, address, json=body, headers=self._keys, trust_env=False).json()

    def register(self, url: str) -> dict[str, Any]:
        body = {"Type": "Sale/InvoiceAuthorised", "ExternalURL": url, "ExternalAuthorizationType": "noauth"}
        hook: dict[str, Any] = self._ask("POST", "webhooks", {**body, "IsActive": True})
        hook = hook.get("Webhooks", [hook])[0]
        self._made.append(hook["ID"])
        return hook

    def set_active(self, hook: dict[str, Any], active: bool) -> None:
        self._ask("PUT", "webhooks", {**hook, "IsActive": active})

    def clear(self) -> None:
        for hook_id in self._made:
            self._ask("DELETE", f"webhooks?ID={hook_id}")


@pytest.fixture
def page(bench: Bench) -> Iterator[Registrations]:
    opened = Registrations(bench)
    yield opened
    opened.clear()


def _told(bench: Bench) -> int:
    polls.cin7_webhooks(bench.parts, SHOP)
    return len(bench.exceptions(ConcernType.WEBHOOK_INACTIVE.value))


def test_a_webhook_that_cin7_switched_off_is_told_until_it_is_on_again(bench: Bench, page: Registrations) -> None:
    hook = page.register(OURS)
    assert _told(bench) == 0
    page.set_active(hook, False)
    assert _told(bench) == 1
    page.set_active(hook, True)
    assert _told(bench) == 0


def test_a_strangers_webhook_that_is_off_is_none_of_our_business(bench: Bench, page: Registrations) -> None:
    page.set_active(page.register("https://elsewhere.example.com/erp"), False)
    assert _told(bench) == 0
