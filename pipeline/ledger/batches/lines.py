"""The rows of a batch report: one for each returned item, adding up to the notes. What Returnline does not know stays
empty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.ledger.batches import batches
from pipeline.ledger.batches.notes import Note, Share, shared
from schemas.actions import RecordRefund, UnitGoods, WriteOffStock
from schemas.money import FOUR_PLACES, Money
from schemas.returns import SUCCESS, Transaction

#: The columns of the report, then two of our own: what became of the item, and why.
_COLUMNS = """
batch_id batch_business_day tz status released_by rma order_no core_sale sale_type invoice_no invoice_date cn_no
cn_task_id cn_date event_date late_flag lock_shift_flag sku core_product_id qty_declared qty_received qty_credited
qty_restocked qty_written_off unit_net discount net tax_rule tax_rate tax gross fees_net fees_tax shipping_net
shipping_tax adjustment_net adjustment_reason currency inv_fx refund_fx base_net base_tax base_gross fx_diff
unit_cost_original restock_value writeoff_value restock_location disposition reason resolution refund_id refund_amount
refund_method refund_status payout_id payout_date oss_country oss_original_period dedup_key source exception_ids
approver item_state item_reason
"""
COLUMNS = tuple(_COLUMNS.split())
_NONE = Decimal(0)


def unit_rows(batch: Mapping[str, Any], note: Note) -> list[dict[str, str]]:
    """One row for each returned item of the note. Charges stand once, on the first."""
    shares = shared(note)
    rows = []
    for number, unit in enumerate(note.action.units):
        known = {
            **_of_batch(batch, note),
            **_of_document(batch, note),
            **_of_unit(note, unit),
            **_of_money(note, shares.get(unit)),
            **(_of_charges(note) if number == 0 else {}),
            **_of_refund(note, unit),
        }
        rows.append({name: known.get(name, "") for name in COLUMNS})
    return rows


def _of_batch(batch: Mapping[str, Any], note: Note) -> dict[str, str]:
    item = note.item
    return {
        "batch_id": str(batch["id"]),
        "batch_business_day": batch["business_day"].isoformat(),
        "tz": batch["zone"],
        "status": "partial"
        if batch["outcome"] == batches.PARTIAL
        else "closed"
        if batch["closed_at"]
        else batch["state"],
        "released_by": batch["released_by"],
        "approver": batch["released_by"],
        "late_flag": "yes" if item["late"] else "no",
        "event_date": _day(item["ready_at"], batch["zone"]),
        "dedup_key": note.action.key,
        "exception_ids": " ".join(str(number) for number in note.exceptions),
        "item_state": item["state"],
        "item_reason": item["reason"],
    }


def _status(batch: Mapping[str, Any]) -> str:
    if batch["outcome"] == batches.PARTIAL:
        return batches.PARTIAL
    return batches.CLOSED if batch["closed_at"] else str(batch["state"])


def _of_document(batch: Mapping[str, Any], note: Note) -> dict[str, str]:
    action, effect = note.action, note.effect
    posted = note.posted
    return {
        "rma": note.item["rma_id"],
        "order_no": note.ret["order_name"],
        "core_sale": note.sale.get("order_number", ""),
        "sale_type": note.sale.get("kind", ""),
        "invoice_no": action.invoice_number,
        "cn_no": effect["number"] if posted else "",
        "cn_task_id": effect["reference"] if posted else "",
        "cn_date": action.noted_on.isoformat() if posted else "",
        "lock_shift_flag": "yes" if "(period locked)" in action.memo else "no",
        "source": effect["source"] if posted else "",
        "currency": action.gross.currency,
        "inv_fx": format(action.rate, "f"),
    }


def _of_unit(note: Note, unit: str) -> dict[str, str]:
    facts = note.units.get(unit, {})
    goods = next((one for one in note.action.goods if one.unit == unit), None)
    posted = note.posted
    stocked = facts.get("stocked_as", "") if facts.get("stocked_at") else ""
    alone = len(note.action.goods) == 1
    return {
        "sku": facts.get("sku", ""),
        "core_product_id": _product(goods),
        "qty_declared": "1",
        "qty_received": "1" if facts.get("received_at") else "0",
        "qty_credited": "1" if posted else "0",
        "qty_restocked": "1" if stocked == "restock" else "0",
        "qty_written_off": "1" if stocked == "written_off" else "0",
        "unit_cost_original": _text(goods.cost if goods else None),
        "restock_value": _text(note.moved) if alone else "",
        "writeoff_value": _text(_written_off(note, unit)),
        "restock_location": facts.get("stocked_where", "") or (goods.location if goods else ""),
        "disposition": goods.disposition if goods else "",
        "reason": facts.get("reason", ""),
        "resolution": facts.get("resolution", ""),
    }


def _product(goods: UnitGoods | None) -> str:
    products = {part.product_id for part in goods.parts} if goods else set()
    return products.pop() if len(products) == 1 else ""


def _written_off(note: Note, unit: str) -> Decimal | None:
    for _, action in note.done(WriteOffStock):
        for goods in action.goods:
            if goods.unit == unit:
                cost: Decimal | None = goods.cost
                return cost
    return None


def _of_money(note: Note, share: Share | None) -> dict[str, str]:
    if share is None:
        return {}
    rate = note.action.rate
    return {
        "unit_net": _text(share.net),
        "discount": format(share.discount.normalize(), "f") if share.discount is not None else "",
        "net": _text(share.net),
        "tax_rule": share.tax_rule,
        "tax_rate": _rate(share),
        "tax": _text(share.tax),
        "gross": _text(share.net + share.tax),
        "base_net": _text(share.net * rate),
        "base_tax": _text(share.tax * rate),
        "base_gross": _text((share.net + share.tax) * rate),
    }


def _rate(share: Share) -> str:
    if not share.net:
        return ""
    return format((share.tax / share.net * 100).quantize(Decimal("0.01")), "f")


def _of_charges(note: Note) -> dict[str, str]:
    """Fees, shipping and adjustments of the whole note, positive where the shopper gets more."""
    kinds = {"fees": "fee:", "shipping": "shipping"}
    told: dict[str, str] = {}
    extras = [extra for extra in note.action.extras if extra.on_note]
    for name, word in kinds.items():
        mine = [extra for extra in extras if extra.kind.startswith(word)]
        if mine:
            told[f"{name}_net"] = _text(sum((e.gross.amount - e.tax.amount for e in mine), _NONE))
            told[f"{name}_tax"] = _text(sum((e.tax.amount for e in mine), _NONE))
    rest = [extra for extra in extras if not extra.kind.startswith(tuple(kinds.values()))]
    if rest:
        told["adjustment_net"] = _text(sum((e.gross.amount - e.tax.amount for e in rest), _NONE))
        told["adjustment_reason"] = "; ".join(f"{e.kind}: {e.reason}" if e.reason else e.kind for e in rest)
    return told


def _of_refund(note: Note, unit: str) -> dict[str, str]:
    mine = [x for x in (note.told.transactions if note.told else ()) if unit in x.unit_ids]
    facts = note.units.get(unit, {})
    told = {
        "refund_id": " ".join(x.transaction_id for x in mine),
        "refund_method": " ".join(dict.fromkeys(_method(x) for x in mine)),
        "refund_status": " ".join(dict.fromkeys(x.status for x in mine)),
        "refund_amount": _text(facts.get("refunded")) if any(x.status == SUCCESS for x in mine) else "",
    }
    rates = {action.rate for _, action in note.done(RecordRefund) if unit in action.settles}
    if len(rates) == 1:
        rate: Decimal = rates.pop()
        told["refund_fx"] = format(rate, "f")
        if facts.get("refunded") is not None:
            told["fx_diff"] = _text(facts["refunded"] * (rate - note.action.rate))
    return told


def _method(x: Transaction) -> str:
    return f"{x.kind}/{x.processor}" if x.processor else x.kind


def _text(amount: Decimal | Money | None) -> str:
    if amount is None:
        return ""
    value = amount.amount if isinstance(amount, Money) else amount
    return format(value.quantize(FOUR_PLACES), "f")


def _day(moment: datetime | None, zone: str) -> str:
    if moment is None:
        return ""
    try:
        return moment.astimezone(ZoneInfo(zone)).date().isoformat()
    except (KeyError, ValueError, OSError):
        return moment.date().isoformat()
