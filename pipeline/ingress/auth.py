"""Who may knock: the token in the path, then bearer or basic, then the signature; all compared in constant time."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime

from pipeline.ingress.answers import BAD_SIGNATURE, NOT_FOUND, UNAUTHORISED, Refused
from pipeline.ingress.request_head import RequestHead
from pipeline.ingress.routes import FEED, Route
from pipeline.ingress.settings import ShopHooks
from pipeline.signature import SignatureError, verify

# An unknown shop costs the same comparison as a known one, so the time taken does not list our merchants.
_NOBODY = ShopHooks(tokens=("0" * 43,))


def same_bytes(offered: bytes, known: Iterable[bytes]) -> bool:
    """Whether the offered secret is one of the known ones; every one is compared, in constant time."""
    matched = False
    for each in known:
        matched |= hmac.compare_digest(offered, each)
    return matched


def check_token(shops: Mapping[str, ShopHooks], route: Route) -> ShopHooks:
    """The shop's hooks; raises Refused (404) alike for an unknown shop, a wrong token and a source not switched on."""
    known = shops.get(route.shop)
    hooks = known or _NOBODY
    offered = route.token.encode("utf-8", "surrogatepass")
    right = same_bytes(offered, (token.encode() for token in hooks.tokens))
    if not right or known is None or route.source not in hooks.sources | {FEED}:
        raise Refused(NOT_FOUND)
    return hooks


def check_authorization(hooks: ShopHooks, route: Route, head: RequestHead) -> None:
    """Bearer or basic, when the shop has any and this source can send them; raises Refused (401)."""
    if route.source not in hooks.authorization_sources or not (hooks.bearer or hooks.basic):
        return
    if "authorization" in head.repeated:
        raise Refused(UNAUTHORISED)
    scheme, _, credential = head.get("authorization").partition(" ")
    credential = credential.strip()
    if scheme.lower() == "bearer" and same_bytes(credential.encode("latin-1"), map(str.encode, hooks.bearer)):
        return
    if scheme.lower() == "basic" and _same_basic(credential, hooks.basic):
        return
    raise Refused(UNAUTHORISED)


def _same_basic(credential: str, known: tuple[tuple[str, str], ...]) -> bool:
    try:
        offered = base64.b64decode(credential, validate=True)
    except (binascii.Error, ValueError):
        return False
    return same_bytes(offered, (f"{user}:{password}".encode() for user, password in known))


def check_signature(hooks: ShopHooks, route: Route, head: RequestHead, body: bytes, now: datetime) -> None:
    """Standard Webhooks over the raw bytes, when the shop has secrets; raises Refused (401)."""
    if not hooks.hmac_secrets or route.source not in hooks.signature_sources:
        return
    if head.repeated & {"webhook-id", "webhook-timestamp", "webhook-signature"}:
        raise Refused(BAD_SIGNATURE)
    try:
        verify(
            hooks.hmac_secrets,
            message_id=head.get("webhook-id"),
            timestamp=head.get("webhook-timestamp"),
            signatures=head.get("webhook-signature"),
            body=body,
            now=now,
        )
    except SignatureError:
        raise Refused(BAD_SIGNATURE) from None
