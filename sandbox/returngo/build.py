"""Making an RMA from control JSON and walking it to the wanted status, leaving every trace on the way."""

from datetime import datetime
from decimal import Decimal

from sandbox.returngo import lifecycle
from sandbox.returngo.form import Form
from sandbox.returngo.money import Rate
from sandbox.returngo.portal import Portal
from sandbox.returngo.records import ExchangeItem, Inspection, Rma, Shopper, Unit
from sandbox.returngo.refusals import ControlRefusal
from sandbox.returngo.words import ANY_CARRIER, NO_SHIPMENT, PAYMENT_REFUND, REFUND_TRIGGERS, RMA_STATUSES

_FIRST_NAMES = ("Asha", "Bruno", "Celia", "Dmitri", "Edda", "Femi", "Greta", "Hana")
_LAST_NAMES = ("Arkwright", "Bellweather", "Castellan", "Dunmore", "Eastlake", "Fairburn")
_STEPS: dict[str, tuple[str, ...]] = {
    "Pending": (),
    "Approved": ("approve",),
    "Received": ("approve", "receive"),
    "Validated": ("approve", "receive", "inspect"),
    "Done": ("approve", "receive", "done"),
    "Rejected": ("reject",),
    "Canceled": ("approve", "cancel"),
}


def build_rma(portal: Portal, form: Form, now: datetime) -> Rma:
    """Create the RMA described by `form` and bring it to its `status`.

    Money is in presentment currency, major units, as strings; `rate` is shop currency per presentment unit.
    Raises `ControlRefusal` naming the field to mend.
    """
    status = form.choice("status", RMA_STATUSES, "Pending")
    rma = _blank_rma(portal, form, now)
    unit_forms = form.forms("units")
    if not unit_forms:
        raise ControlRefusal('units: name at least one unit, like {"sku": "TEE-BLK-M", "paid_price": "24.00"}')
    for unit_form in unit_forms:
        rma.units += build_units(portal, rma, unit_form)
    rma.exchange_items = [_exchange_item(rma, each) for each in form.forms("exchange_items")]
    lifecycle.submit(portal, rma, form.text("comment_original_order", "") or None)
    for step in _STEPS[status]:
        take_step(portal, rma, step, rma.created_at if step == "approve" else now)
    return rma


def build_units(portal: Portal, rma: Rma, form: Form) -> list[Unit]:
    """One row per physical unit: `quantity` 3 makes three rows with one line item id and three ids of their own."""
    line_item_id = form.text("line_item_id", "") or str(portal.number("item"))
    parcel = next((each.shipment_id for each in rma.shipments if not each.outbound), "")
    return [_unit(portal, rma, form, line_item_id, parcel) for _ in range(form.whole("quantity", 1))]


def take_step(portal: Portal, rma: Rma, step: str, now: datetime) -> None:
    """One step of the way to a status, with an all-good inspection where one is needed."""
    if step == "approve":
        lifecycle.approve(portal, rma, now)
    elif step == "receive":
        lifecycle.receive(portal, rma, now)
    elif step == "done":
        lifecycle.finish(portal, rma)
    elif step == "inspect":
        good = Inspection(returned=True, restockable=True, reason="", at=now, by="Warehouse")
        lifecycle.inspect(portal, rma, {unit.returned_item_id: good for unit in rma.units}, now)
    else:
        lifecycle.close(portal, rma, "Rejected" if step == "reject" else "Canceled", "", now)


def _blank_rma(portal: Portal, form: Form, now: datetime) -> Rma:
    created = form.moment("created_at", now)
    currency = form.text("currency", "GBP")
    rate = Rate(currency, form.text("shop_currency", currency), form.decimal("rate", "1"))
    with_shipment = form.flag("shipment", default=True)
    method = form.text("method", ANY_CARRIER if with_shipment else NO_SHIPMENT)
    return Rma(
        rma_id=str(portal.number("rma")),
        shop=_shop(portal, form),
        order_id=form.text("order_id", "") or str(portal.number("order")),
        order_name=form.text("order_name"),
        rate=rate,
        shopper=_shopper(portal),
        created_at=created,
        last_updated=created,
        method_type=method,
        method_name=form.text("method_name", method),
        auto_refund=form.choice("auto_refund", REFUND_TRIGGERS) if form.has("auto_refund") else None,
        with_shipment=with_shipment,
        out_of_policy=form.flag("out_of_policy", default=False),
        cancellation_fee=form.decimal("cancellation_fee", "0"),
    )


def _shop(portal: Portal, form: Form) -> str:
    if not portal.shops:
        raise ControlRefusal("shop_name: there is no shop yet; POST /control/returngo/shops first")
    shop = form.text("shop_name", next(iter(portal.shops)))
    if shop not in portal.shops:
        raise ControlRefusal(f"shop_name: {shop!r} is not a known shop; POST /control/returngo/shops first")
    return shop


def _shopper(portal: Portal) -> Shopper:
    luck = portal.luck("shopper")
    first, last = luck.choice(_FIRST_NAMES), luck.choice(_LAST_NAMES)
    return Shopper(
        name=f"{first} {last}",
        email=f"{first}.{last}@shopper.example".lower(),
        phone=f"+44 7700 900{luck.randrange(1000):03d}",
        street=f"{luck.randrange(1, 99)} Mill Lane",
        city="York",
        postcode="YO1 7HH",
        country="GB",
    )


def _unit(portal: Portal, rma: Rma, form: Form, line_item_id: str, parcel: str) -> Unit:
    sku = form.text("sku")
    return Unit(
        returned_item_id=str(portal.number("item")),
        line_item_id=line_item_id,
        sku=sku,
        product_id=form.text("product_id", f"8{line_item_id}"),
        variant_id=form.text("variant_id", f"4{line_item_id}"),
        product_name=form.text("product_name", sku),
        variant_name=form.text("variant_name") if form.has("variant_name") else None,
        paid_price=rma.rate.money(form.decimal("paid_price")),
        paid_tax=rma.rate.money(form.decimal("paid_tax", "0")),
        tax_included=form.flag("tax_included", default=True),
        reason=form.text("reason", "Does not fit"),
        extended_reason=form.text("extended_reason", ""),
        resolution=form.text("resolution", PAYMENT_REFUND),
        restocking_fee=form.decimal("restocking_fee", "0"),
        return_fee=form.decimal("return_fee", "0"),
        shipment_fee=form.decimal("shipment_fee", "0"),
        auto_approved=form.flag("auto_approved", default=False),
        barcode=form.text("barcode") if form.has("barcode") else None,
        media=form.flag("media", default=False),
        shipment_id=parcel,
        exchange_items=[_exchange_item(rma, each) for each in form.forms("exchange_items")],
    )


def _exchange_item(rma: Rma, form: Form) -> ExchangeItem:
    price = form.decimal("price", "0")
    return ExchangeItem(
        product_id=form.text("product_id", "800001"),
        variant_id=form.text("variant_id", "400001"),
        sku=form.text("sku"),
        catalog_price=rma.rate.money(form.decimal("catalog_price", str(price))),
        effective_price=rma.rate.money(Decimal(price)),
        quantity=form.whole("quantity", 1),
    )
