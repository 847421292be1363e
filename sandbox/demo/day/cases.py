"""The special cases of the day, the most telling first: a short day has them all the same."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.demo.day.words import (
    ADVANCED,
    BIRCH,
    CEDAR,
    DAMAGED,
    EXCHANGE,
    TO_STORE_CREDIT,
    VAT_5,
    VAT_20,
    ZERO_RATED,
    Back,
    Ending,
    Manner,
    ReturnOfDay,
    SaleOfDay,
    Sold,
)

TEE, HOODIE, DRESS, SOCKS = Decimal(30), Decimal(55), Decimal("79.99"), Decimal("12.99")


@dataclass(frozen=True, slots=True)
class Case:
    """A sale with the returns made of it."""

    sale: SaleOfDay
    returns: tuple[ReturnOfDay, ...]


def special_cases() -> tuple[Case, ...]:
    """Every case that must be in a day, in the order in which a shorter day keeps them."""
    return (
        _one("plain", "one piece, tax inside the price", "#1001", Sold("TEE-BLK-M", 1, TEE), Back(0)),
        _draft_invoice(),
        _imported_again(),
        _simple_twice(),
        _advanced_twice(),
        _ended_unseen(),
        _damaged(),
        _with_fee(),
        _store_credit(),
        _exchanged(),
        _native(),
        _in_a_batch(),
        _after_the_lock(),
        _partial(),
        _mixed_rates(),
        _discounted(),
        _in_euro(),
        _faulty(),
        _other_spelling(),
        _nothing_like_it(),
        _cancelled(),
        _travelling("twice", "every webhook comes twice", "#1013", Manner(duplicated=True)),
        _travelling("shuffled", "webhooks out of order", "#1014", Manner(reordered=True)),
        _travelling("bare", "webhooks without an id", "#1015", Manner(payload_form="bare")),
        _overpaid(),
        _whole_order(),
        _small_shipping(),
    )


def _one(name: str, story: str, order: str, sold: Sold, back: Back) -> Case:
    return Case(SaleOfDay(order, (sold,)), (ReturnOfDay(name, story, order, (back,)),))


def _draft_invoice() -> Case:
    sale = SaleOfDay("#1002", (Sold("HOODIE-GRY-M", 1, HOODIE),), invoice="DRAFT")
    told = "invoice still a draft; authorised during the day"
    one = ReturnOfDay("draft invoice", told, "#1002", (Back(0),), waits_for="INVOICE_NOT_AUTHORISED")
    return Case(sale, (one,))


def _imported_again() -> Case:
    sale = SaleOfDay("#1018", (Sold("SCARF-WOL", 2, Decimal(35)),), invoice="DRAFT")
    told = "waited for a draft invoice; the sale was voided and the order imported again, paid"
    back, waits_for = (Back(0),), "INVOICE_NOT_AUTHORISED"
    one = ReturnOfDay("imported again", told, "#1018", back, waits_for=waits_for, imported_again=True)
    return Case(sale, (one,))


def _simple_twice() -> Case:
    lines = (Sold("TEE-BLK-S", 1, TEE), Sold("SOCK-3PK", 2, SOCKS))
    first = ReturnOfDay("simple first", "first of two returns on a simple sale", "#1003", (Back(0),))
    second = ReturnOfDay(
        "simple second",
        "second return; sale converted to Advanced during the day",
        "#1003",
        (Back(1),),
        waits_for="SIMPLE_SALE_ALREADY_CREDITED",
    )
    return Case(SaleOfDay("#1003", lines), (first, second))


def _ended_unseen() -> Case:
    sale = SaleOfDay("#1019", (Sold("SCARF-WOL", 1, Decimal(35)),))
    told = "received and Done between two polls, every webhook lost"
    return Case(sale, (ReturnOfDay("ended unseen", told, "#1019", (Back(0),), manner=Manner(lost=True)),))


def _advanced_twice() -> Case:
    sale = SaleOfDay("#1004", (Sold("HOODIE-GRY-L", 3, Decimal("54.99")),), kind=ADVANCED)
    first = ReturnOfDay("advanced first", "first of two returns on an Advanced sale", "#1004", (Back(0),))
    second = ReturnOfDay("advanced second", "second return of the same line", "#1004", (Back(0, 2),))
    return Case(sale, (first, second))


def _damaged() -> Case:
    back = (Back(0, reason=DAMAGED, faulty=True, written_off=True),)
    told = "damaged; through quarantine to the write-off account"
    return Case(
        SaleOfDay("#1020", (Sold("JEANS-32", 1, Decimal(89)),)),
        (ReturnOfDay("damaged", told, "#1020", back),),
    )


def _with_fee() -> Case:
    told = "restocking fee of 6 kept, the rest refunded to the card"
    one = ReturnOfDay("fee", told, "#1021", (Back(0, fee=Decimal(6)),), refunded=True)
    return Case(SaleOfDay("#1021", (Sold("TEE-BLK-S", 1, TEE),)), (one,))


def _store_credit() -> Case:
    back = (Back(0, resolution=TO_STORE_CREDIT),)
    one = ReturnOfDay("store credit", "refunded as store credit", "#1022", back, refunded=True)
    return Case(SaleOfDay("#1022", (Sold("HOODIE-GRY-S", 1, HOODIE),)), (one,))


def _exchanged() -> Case:
    back = (Back(0, resolution=EXCHANGE, new_sku="TEE-BLK-L"),)
    told = "even exchange, a week in draft; released when the parcel came"
    one = ReturnOfDay("exchange", told, "#1023", back, waits_for="EXCHANGE_DRAFT_STUCK")
    return Case(SaleOfDay("#1023", (Sold("TEE-BLK-M", 1, TEE),)), (one,))


def _native() -> Case:
    told = "credited by Cin7's own channel; adopted, not doubled"
    one = ReturnOfDay("native", told, "#1024", (Back(0),), shop=BIRCH)
    return Case(SaleOfDay("#1024", (Sold("DRESS-RED", 1, DRESS),)), (one,))


def _in_a_batch() -> Case:
    lines = (Sold("SOCK-3PK", 1, SOCKS), Sold("SCARF-WOL", 1, Decimal(35)), Sold("HOODIE-GRY-M", 1, HOODIE))
    told = "held for the batch that finance released"
    names = ("batch first", "batch second", "batch third")
    returns = tuple(ReturnOfDay(name, told, "#1025", (Back(number),), shop=CEDAR) for number, name in enumerate(names))
    return Case(SaleOfDay("#1025", lines, kind=ADVANCED), returns)


def _after_the_lock() -> Case:
    told = "came after the period was locked; dated the first open day"
    one = ReturnOfDay("after the lock", told, "#1026", (Back(0),), after_lock=True)
    return Case(SaleOfDay("#1026", (Sold("TEE-BLK-XL", 1, TEE),)), (one,))


def _partial() -> Case:
    sale = SaleOfDay("#1005", (Sold("SOCK-3PK", 3, SOCKS),), kind=ADVANCED, tax_inclusive=False)
    return Case(sale, (ReturnOfDay("partial", "2 of 3 pieces, tax on top", "#1005", (Back(0, 2),)),))


def _mixed_rates() -> Case:
    lines = (
        Sold("DRESS-RED", 1, DRESS, VAT_20),
        Sold("SCARF-WOL", 2, Decimal(35), VAT_5),
        Sold("BOOT-42", 1, Decimal(140), ZERO_RATED),
    )
    back = (Back(0), Back(1), Back(2))
    one = ReturnOfDay("mixed rates", "three tax rates on one order", "#1006", back)
    return Case(SaleOfDay("#1006", lines, tax_inclusive=False), (one,))


def _discounted() -> Case:
    sold = Sold("JEANS-32", 2, Decimal(89), discount=Decimal(15))
    one = ReturnOfDay("discount", "one of two, sold at 15 % off", "#1007", (Back(0),))
    return Case(SaleOfDay("#1007", (sold,)), (one,))


def _in_euro() -> Case:
    sold = (Sold("TEE-BLK-L", 2, Decimal("34.90")),)
    sale = SaleOfDay("#1008", sold, kind=ADVANCED, currency="EUR", rate=Decimal("0.85"))
    return Case(sale, (ReturnOfDay("euro", "sold in euro", "#1008", (Back(0),)),))


def _faulty() -> Case:
    lines = (Sold("DRESS-BLU", 2, DRESS),)
    back = (Back(0, 2, reason="Faulty", faulty=True),)
    one = ReturnOfDay("faulty", "two faulty pieces, inspected, not for sale again", "#1009", back)
    return Case(SaleOfDay("#1009", lines), (one,))


def _other_spelling() -> Case:
    return _one(
        "spelling",
        "the portal writes the SKU in small letters",
        "#1010",
        Sold("TEE-BLK-XL", 1, TEE),
        Back(0, portal_sku="tee-blk-xl"),
    )


def _nothing_like_it() -> Case:
    sale = SaleOfDay("#1011", (Sold("TEE-BLK-M", 1, TEE),))
    one = ReturnOfDay(
        "unknown SKU",
        "the portal names a SKU that is not on the order",
        "#1011",
        (Back(0, portal_sku="MYSTERY-BAG-01"),),
        Ending.WAITS,
        "SKU_UNMATCHED",
    )
    return Case(sale, (one,))


def _cancelled() -> Case:
    sale = SaleOfDay("#1012", (Sold("BOOT-42", 1, Decimal(140)),))
    told = "cancelled before the parcel came"
    return Case(sale, (ReturnOfDay("cancelled", told, "#1012", (Back(0),), Ending.NOTHING),))


def _travelling(name: str, story: str, order: str, manner: Manner) -> Case:
    sale = SaleOfDay(order, (Sold("SOCK-3PK", 1, SOCKS),), tax_inclusive=False)
    return Case(sale, (ReturnOfDay(name, story, order, (Back(0),), manner=manner),))


def _overpaid() -> Case:
    sale = SaleOfDay("#1016", (Sold("JEANS-32", 1, Decimal(89)),))
    back = (Back(0, overpaid=Decimal(10)),)
    told = "the portal says 10 more was paid than the invoice"
    return Case(sale, (ReturnOfDay("overpaid", told, "#1016", back, Ending.WAITS, "AMOUNT_MISMATCH"),))


def _whole_order() -> Case:
    lines = (Sold("TEE-BLK-S", 2, TEE), Sold("HOODIE-GRY-S", 1, HOODIE))
    back = (Back(0, 2), Back(1))
    return Case(SaleOfDay("#1017", lines), (ReturnOfDay("whole order", "everything comes back", "#1017", back),))


def _small_shipping() -> Case:
    """What the tolerance of one piece, times the pieces, would hide."""
    sale = SaleOfDay("#1057", (Sold("SOCK-3PK", 100, Decimal(6)),), shipping=Decimal("4.80"))
    told = "100 pieces refunded with the shipping of 4.80; not a penny let be"
    one = ReturnOfDay("shipping of many", told, "#1057", (Back(0, 100),), refunded=True, shipping_back=True)
    return Case(sale, (one,))
