"""From the installation's settings to what the ingress must be told."""

from __future__ import annotations

from pipeline.broker import INTAKE
from pipeline.ingress.settings import IngressSettings, ShopHooks
from pipeline.settings import HookSettings, Settings


def ingress_settings(settings: Settings, redis_url: str) -> IngressSettings:
    """Returns the ingress's own settings for this installation, on the broker at `redis_url`."""
    return IngressSettings(
        redis_url=redis_url,
        shops={name: _hooks(shop.hooks) for name, shop in settings.shops.items()},
        prefix=settings.prefix,
        broker_prefix=settings.prefix,
        body_cap=settings.ingress.body_cap,
        max_inbox=settings.ingress.max_inbox,
        hint_queue=INTAKE,
        metrics_token=settings.ingress.metrics_token,
    )


def _hooks(hooks: HookSettings) -> ShopHooks:
    return ShopHooks(
        tokens=tuple(filter(None, (hooks.token, hooks.previous_token))),
        bearer=tuple(filter(None, (hooks.bearer,))),
        basic=((hooks.basic_user, hooks.basic_password),) if hooks.basic_user else (),
        hmac_secrets=hooks.hmac_secrets,
        signature_sources=frozenset(hooks.signed_sources),
    )
