"""Turning something that happened into webhook bodies; the real payload is unpublished, so its form is a switch."""

import random
from dataclasses import dataclass

from sandbox.returngo.outbox import Outbox
from sandbox.returngo.records import Webhook
from sandbox.returngo.settings import PortalSettings

_FORMS = ("nested", "flat", "bare")


@dataclass(frozen=True)
class News:
    """One happening with the ids that belong to it; `status` is that of the thing the event is about."""

    event: str
    rma_id: str
    status: str
    shipment_id: str | None = None
    transaction_id: int | None = None


def body_of(news: News, form: str) -> dict[str, object]:
    """The JSON of a delivery: `nested` and `flat` carry ids, `bare` says only that something happened."""
    ids: dict[str, object] = {"rmaId": news.rma_id}
    if news.shipment_id is not None:
        ids["shipmentId"] = news.shipment_id
    if news.transaction_id is not None:
        ids["transactionId"] = news.transaction_id
    ids["status"] = news.status
    if form == "bare":
        return {"eventName": news.event}
    if form == "flat":
        return {"eventName": news.event, **ids}
    return {"eventName": news.event, "eventData": ids}


def announce(news: News, webhooks: list[Webhook], outbox: Outbox, settings: PortalSettings, rng: random.Random) -> None:
    """Queue the news for every registration of its event, with the settings' losses, copies and delays."""
    for webhook in webhooks:
        form = rng.choice(_FORMS) if settings.payload_form == "seeded" else settings.payload_form
        body, number = body_of(news, form), outbox.number()
        if rng.random() < settings.webhook_lost:
            outbox.lose(number, webhook, body)
            continue
        copies = 2 if rng.random() < settings.webhook_duplicated else 1
        for _ in range(copies):
            late = _lateness(settings, rng)
            outbox.put(number, webhook, body, settings.webhook_delay + late)


def _lateness(settings: PortalSettings, rng: random.Random) -> float:
    """Extra seconds that let a later delivery overtake this one."""
    return rng.random() * settings.webhook_reorder_seconds if rng.random() < settings.webhook_reordered else 0.0
