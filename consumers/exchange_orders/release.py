"""What is done for an exchange: a comment that it may go, the release itself where the merchant wants it, and the
record of what it became."""

from __future__ import annotations

from decimal import Decimal

from consumers.case import Case
from consumers.exchange_orders.facts import Sighting, linked, our_release, out_units, real_units, release_units
from schemas.actions import (
    Action,
    AuthoriseOrder,
    CommentOnReturn,
    Effect,
    LinkExchangeOrder,
    business_key,
    marker,
)
from schemas.effects import EffectState
from schemas.sales import Sale
from schemas.terms import Terms


def _key(case: Case, kind: type[Effect], units: tuple[str, ...]) -> str:
    return business_key(case.shop, case.ret.rma_id, kind.kind, units)


def begun(case: Case, key: str) -> bool:
    """Whether an effect with this key stands already, however it ended."""
    return any(effect.key == key and effect.state != EffectState.WITHDRAWN for effect in case.effects)


def proposal(case: Case, sighting: Sighting, *, will_release: bool) -> tuple[Action, ...]:
    """One comment on the RMA, once: the exchange may be released."""
    units = release_units(sighting.handle)
    key = _key(case, CommentOnReturn, units)
    if begun(case, key):
        return ()
    text = f"Exchange {sighting.order.name} may be released: {_because(case, sighting)}."
    sale = sighting.known
    if will_release and sale is not None:
        text += f" Its Cin7 order {sale.order_number} is being authorised."
    elif sighting.in_draft and sale is not None:
        text += f" Its Cin7 order {sale.order_number} is still a draft: authorise it there."
    return (CommentOnReturn(key=key, sale_id=_sale_id(sighting), units=units, rma_id=case.ret.rma_id, text=text),)


def _because(case: Case, sighting: Sighting) -> str:
    units = {unit.returned_item_id for unit in sighting.units}
    notes = {e.number for e in case.effects if e.kind == "credit" and e.confirmed and e.number and units & set(e.units)}
    must_come = any(unit.needs_shipment for unit in sighting.units)
    here = "the returned goods are in" if must_come else "nothing must be sent back"
    credited = f", credited with {', '.join(sorted(notes))}," if notes else ""
    wanted = sighting.wanted()
    there = wanted and all(sighting.available.get(sku, Decimal(0)) >= quantity for sku, quantity in wanted.items())
    return f"{here}{credited} and {'the new goods are available' if there else 'nothing else is in the way'}"


def release(case: Case, sighting: Sighting, terms: Terms) -> tuple[Action, ...]:
    """Authorise the draft in Cin7 by sending it back whole; nothing where the merchant did not opt in."""
    sale, units = sighting.known, release_units(sighting.handle)
    key = _key(case, AuthoriseOrder, units)
    if not terms.release_exchanges or sale is None or not sighting.in_draft or begun(case, key):
        return ()
    if not sale.order_lines or other_goods(sighting):
        return ()
    return (
        AuthoriseOrder(
            key=key,
            sale_id=sale.sale_id,
            units=units,
            memo=f"{sale.order_memo} {marker(key)}".strip(),
            order_total=sale.order_total,
            lines=sale.order_lines,
            charges=sale.order_charges,
            order_number=sale.order_number,
            tax_inclusive=sale.tax_inclusive,
            released=tuple(unit.returned_item_id for unit in sighting.units),
        ),
    )


def other_goods(sighting: Sighting) -> tuple[str, ...]:
    """What the shopper chose in the portal and the Cin7 order does not hold: then nobody but a person releases it."""
    if sighting.known is None:
        return ()
    held = {line.sku.casefold() for line in sighting.known.order_lines}
    chosen = {item.sku for item in sighting.items if item.sku}
    return tuple(sorted(sku for sku in chosen if sku.casefold() not in held))


def record_real(case: Case, sighting: Sighting) -> tuple[Action, ...]:
    """The portal made it a real order: kept once, because nothing else says since when."""
    units = real_units(sighting.handle)
    if not sighting.order.released or linked(case, units) is not None:
        return ()
    return (_record(case, sighting, units, ()),)


def record_out(case: Case, sighting: Sighting) -> tuple[Action, ...]:
    """It is out of Draft: its units' exchange counts as released from now on."""
    units = out_units(sighting.handle)
    if linked(case, units) is not None:
        return ()
    released = tuple(unit.returned_item_id for unit in sighting.units)
    ours = sighting.known is not None and our_release(case, sighting.known) is not None
    # Our own release wrote the moment down already.
    return (_record(case, sighting, units, () if ours else released),)


def _record(case: Case, sighting: Sighting, units: tuple[str, ...], released: tuple[str, ...]) -> LinkExchangeOrder:
    sale = sighting.known
    return LinkExchangeOrder(
        key=_key(case, LinkExchangeOrder, units),
        sale_id=_sale_id(sighting),
        units=units,
        number=sale.order_number if sale else sighting.order.name,
        released=released,
        order_total=sighting.value(),
    )


def _sale_id(sighting: Sighting) -> str:
    return sighting.known.sale_id if sighting.known else ""


def back_ordered(sale: Sale) -> tuple[str, ...]:
    """Lines that Cin7 put on back-order, as a person reads them."""
    return tuple(f"{line.sku}: {line.back_ordered.normalize():f}" for line in sale.order_lines if line.back_ordered > 0)
