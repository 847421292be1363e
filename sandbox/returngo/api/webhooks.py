"""Registrations: one event each, per shop, listed in clear to any holder of the key."""

from sandbox.returngo.front_door import Answer, Visit
from sandbox.returngo.records import Webhook
from sandbox.returngo.refusals import ApiRefusal
from sandbox.returngo.words import WEBHOOK_EVENTS


def list_webhooks(visit: Visit) -> Answer:
    """This shop's registrations."""
    rows = [each.wire() for each in visit.portal.webhooks.values() if each.shop == visit.shop]
    return Answer(rows if visit.portal.settings.webhook_list_form == "array" else {"webhooks": rows})


def create_webhook(visit: Visit) -> Answer:
    """Register; the same event and address twice is accepted and then delivers everything twice."""
    url, event = _url(visit.body.get("url")), _event(visit.body.get("eventName"))
    webhook = Webhook(str(visit.portal.number("webhook")), visit.shop, url, event)
    visit.portal.webhooks[webhook.webhook_id] = webhook
    return Answer(webhook.wire(), 201)


def update_webhook(visit: Visit) -> Answer:
    """Change address or event of a registration."""
    webhook = _find(visit)
    webhook.url = _url(visit.body.get("url", webhook.url))
    webhook.event = _event(visit.body.get("eventName", webhook.event))
    return Answer(webhook.wire())


def delete_webhook(visit: Visit) -> Answer:
    """Remove a registration."""
    del visit.portal.webhooks[_find(visit).webhook_id]
    return Answer({})


def _find(visit: Visit) -> Webhook:
    webhook = visit.portal.webhooks.get(visit.path["webhook_id"])
    if webhook is None or webhook.shop != visit.shop:
        raise ApiRefusal(404, "Webhook not found")
    return webhook


def _url(value: object) -> str:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise ApiRefusal(400, "url must be an absolute http address")
    return value


def _event(value: object) -> str:
    if value not in WEBHOOK_EVENTS:
        raise ApiRefusal(400, f"Unknown eventName {value}")
    return str(value)
