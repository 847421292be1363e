"""Cells of such tables: ids, days and amounts as spreadsheets and providers write them. What could mean two things is
refused with the fix, never guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from schemas.money import Money, minor_exponent
from schemas.payouts import MOST

_MINUS = "-\u2212\u2013\u2014\u2010\u2011"
_AMOUNT = re.compile(r"(?P<before>\D*?)(?P<number>[.,]?\d(?:[\d.,' ]*\d)?)(?P<after>\D*)")
_POWER = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+?\d+")
_DOLLARS = "USD,CAD,AUD,NZD,SGD,HKD,MXN,TWD,ARS,CLP,COP,BBD,BMD,BSD,BZD,FJD,GYD,JMD,KYD,LRD,NAD,SBD,SRD,TTD,XCD"
_SIGN_LIST = (
    f"$={_DOLLARS} US$=USD CA$=CAD C$=CAD AU$=AUD A$=AUD NZ$=NZD HK$=HKD SG$=SGD S$=SGD MX$=MXN NT$=TWD R$=BRL "
    "€=EUR £=GBP ¥=JPY,CNY JP¥=JPY CN¥=CNY ₹=INR ₩=KRW ₺=TRY ₪=ILS KR=SEK,NOK,DKK,ISK ZŁ=PLN KČ=CZK FT=HUF FR=CHF R=ZAR"
)
#: Which currencies a sign may mean.
_SIGNS = {sign: codes.split(",") for sign, _, codes in (pair.partition("=") for pair in _SIGN_LIST.split())}
_DAY = re.compile(
    r"(?P<y>\d{4})(?P<mark>[-/.]?)(?P<m>\d{1,2})(?P=mark)(?P<d>\d{1,2})"
    r"(?:[ T]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?"
    r" *(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?)?"
)
_DOTTED = re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})")
_FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)
#: Payouts are announced some days ahead.
_AHEAD = timedelta(days=31)
_LONGEST_ID = 80


def bare(cell: str) -> str:
    """The cell without what spreadsheets put around a text to keep it one: `="895"`, `'895`, quotes."""
    text = unicodedata.normalize("NFKC", cell).strip()
    if text.startswith("="):
        text = text[1:].strip()
    return text.strip("'\u2018\u2019\"").strip()


def plain_id(cell: str) -> str:
    """An id as everybody writes it: `895.0` and `gid://shopify/Refund/895` are 895."""
    text = bare(cell)
    text = text.partition("?")[0].rpartition("/")[2] if text.startswith("gid://") else text
    return re.sub(r"(?<=\A\d)(\d*)[.,]0{1,2}\Z", r"\1", text)


def read_id(cell: str, column: str, kind: str = "") -> str:
    """An id that is whole; a global id must be one of `kind`. Raises ValueError with the fix."""
    text, told = plain_id(cell), bare(cell)
    if not text:
        raise ValueError(f"{column} is empty; write the id")
    if re.fullmatch(r"gid://.*", told) and kind and f"/{kind}/" not in told:
        raise ValueError(f"{column} {told!r} is the id of something else; write that of the {kind}")
    rounded = text.isdecimal() and len(text) > 15 and text[15:].strip("0") == ""
    if _POWER.fullmatch(text) or rounded:
        raise ValueError(f"{column} {told!r} was rounded by a spreadsheet; format the column as text and export again")
    if re.fullmatch(r"\d{1,3}(?:[., ]\d{3})+", text):
        raise ValueError(f"{column} {told!r} was written with separators; format the column as text and export again")
    if len(text) > _LONGEST_ID or not text.isprintable():
        raise ValueError(f"{column} {told[:20]!r} is no id; write at most {_LONGEST_ID} printable characters")
    return text


def read_day(cell: str, column: str, now: datetime) -> datetime:
    """A moment, midnight UTC where only the day is told, between 2000 and a month from `now`. Raises ValueError."""
    text = bare(cell)
    fix = "write 2026-11-23"
    if re.fullmatch(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}.*", text):
        raise ValueError(f"{column} {text!r} may be read as day/month or month/day; {fix}")
    moment = _moment(text)
    if moment is None:
        raise ValueError(f"{column} {text!r} is no date; {fix}")
    if not _FIRST_DAY <= moment <= now + _AHEAD:
        raise ValueError(f"{column} {text!r} is before 2000 or more than a month ahead; check the year")
    return moment


def _moment(text: str) -> datetime | None:
    found = _DAY.fullmatch(text) or _DOTTED.fullmatch(text)
    if found is None:
        return None
    part = {name: value for name, value in found.groupdict().items() if value}
    if not part.get("mark", ".") and len(part["m"] + part["d"]) != 4:
        return None
    try:
        day = datetime(int(part["y"]), int(part["m"]), int(part["d"]), tzinfo=_zone(part.get("zone", "")))
        hour, minute, second = (int(part.get(name, 0)) for name in ("hour", "minute", "second"))
        return day.replace(hour=hour, minute=minute, second=second).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: str) -> timezone:
    if not text or text.isalpha():
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def decimal_mark(cells: Iterable[str]) -> str:
    """Which of `.` and `,` begins the decimals in these amounts; "" where they do not say, or disagree."""
    found = {_evidence(match["number"]) for cell in cells if (match := _AMOUNT.fullmatch(_digits(cell)))} - {""}
    return found.pop() if len(found) == 1 else ""


def _digits(cell: str) -> str:
    """The cell with one kind of apostrophe between thousands."""
    return re.sub("[\u2018\u2019\u00b4`]", "'", bare(cell))


def _evidence(number: str) -> str:
    marks = [char for char in number if char in ".,"]
    if not marks:
        return ""
    if len(set(marks)) == 2:
        return marks[-1]
    if len(marks) > 1:
        return "," if marks[0] == "." else "."
    whole, _, rest = number.partition(marks[0])
    open_ = len(rest) == 3 and re.fullmatch(r"[1-9]\d{0,2}", whole)
    return "" if open_ else marks[0]


def read_amount(cell: str, currency: str, mark: str, column: str = "amount") -> Money:
    """An amount with its sign, whatever sign, currency sign and separators it is written with; `mark` is the decimal
    mark of the table. Raises ValueError with the fix."""
    text, code = _digits(cell), bare(currency).upper()
    try:
        zero = Money(Decimal(0), code)
    except ValueError:
        raise ValueError(f"currency {currency!r} is no code; write three letters such as GBP") from None
    if _POWER.fullmatch(text):
        raise ValueError(f"{column} {text!r} is written as a power of ten; write 12.50")
    found = _AMOUNT.fullmatch(text)
    if found is None or (sign := _sign(found["before"], found["after"])) is None:
        raise ValueError(f"{column} {text!r} {code} is no amount; write 12.50 and a code such as GBP")
    _check_signs(found["before"] + " " + found["after"], code, column, text)
    number = _number(found["number"], mark, column)
    if abs(number) > MOST:
        raise ValueError(f"{column} {text!r} is beyond {MOST:,}, so it is no refund; write the amount")
    if number != number.quantize(Decimal(1).scaleb(-minor_exponent(code))):
        raise ValueError(f"{column} {text!r} has more decimals than {code} has; write the amount that was paid")
    return zero + Money(number * sign, code)


def _sign(before: str, after: str) -> int | None:
    """-1 or 1; None for brackets that do not close, or two signs."""
    around = before + after
    brackets, minuses = around.count("(") + around.count(")"), sum(around.count(char) for char in _MINUS)
    if brackets and not (before.count("(") == 1 and after.count(")") == 1 and brackets == 2):
        return None
    if minuses + bool(brackets) + around.count("+") > 1:
        return None
    return -1 if minuses or brackets else 1


def _check_signs(around: str, code: str, column: str, text: str) -> None:
    words = re.sub(rf"[()+{re.escape(_MINUS)}]", " ", around).upper().split()
    for word in words:
        means = _SIGNS.get(word.rstrip("."), [word] if re.fullmatch(r"[A-Z]{3}", word) else [])
        if not means:
            raise ValueError(f"{column} {text!r} is no amount: {word!r} is not known; write 12.50")
        if code not in means:
            raise ValueError(f"{column} {text!r} is not in {code}; correct the amount or the currency")


def _number(written: str, mark: str, column: str) -> Decimal:
    grouped = re.sub(r"(?<=\d)[' ](?=\d{3}(?!\d))", "", written)
    if not re.fullmatch(r"[\d.,]+", grouped):
        raise ValueError(f"{column} {written!r} is no amount: its thousands do not fall in threes; write 12.50")
    found = _evidence(grouped) or ("" if grouped == written else next((c for c in grouped if c in ".,"), "")) or mark
    if not found and re.search(r"[.,]", grouped):
        raise ValueError(f"{column} {written!r} may mean thousands or decimals; write it as 1234.00")
    thousands = "." if found == "," else ","
    whole, _, rest = grouped.partition(found) if found else (grouped, "", "")
    if thousands in whole and not re.fullmatch(r"\d{1,3}(?:[.,]\d{2,3})*[.,]\d{3}", whole):
        raise ValueError(f"{column} {written!r} is no amount: its thousands do not fall in threes; write 12.50")
    if re.search(r"[.,]", rest):
        raise ValueError(f"{column} {written!r} has two decimal marks; write 12.50")
    return Decimal(f"{whole.replace(thousands, '') or '0'}.{rest or '0'}")
