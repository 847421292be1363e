"""What of a ReturnGO body may be stored: enough to explain money and stock, nothing that names a shopper."""

from __future__ import annotations

import re
from typing import Any

from schemas.returns import REFERENCE_KINDS, SAFE_REFERENCES

#: Keys that end in "name" but name things, not people.
_THING_NAMES = frozenset(
    {"order_name", "ordername", "eventname", "productname", "variantname", "fullname"}
    | {"resolutionname", "policyrulename", "carriername", "thirdpartyname"}
)
_PERSONAL = re.compile(
    r"address|e?mail|phone|street|city|zip|postal|state$|user|customer|contact|answer|question|media|image|"
    r"bank|iban|branch|triggeredby|comment$|url|label|tracking|extendedreason|note|message|signature|token|password|secret",
    re.IGNORECASE,
)
# Bounded, as addresses are: a megabyte without a space in it must not be searched from each of its letters to its end.
_MAIL = re.compile(r"[^\s<>\"'@]{1,64}@[^\s<>\"'@.]{1,63}(?:\.[^\s<>\"'@.]{1,63}){1,8}")


def without_personal_data(raw: dict[str, Any]) -> dict[str, Any]:
    """The same body without addresses, e-mails, phones, names, free text, media, bank details, credit codes."""
    kept = {key: _clean(value) for key, value in raw.items() if _may_stay(key, raw)}
    method = raw.get("returnMethod")
    if isinstance(method, dict) and isinstance(method.get("name"), str):
        kept["returnMethod"] = kept["returnMethod"] | {"name": method["name"]}
    if "htmlText" in kept and str(raw.get("commentType", "")).strip().lower() != "system":
        kept["htmlText"] = ""
    return kept


def masked_mail(text: str) -> str:
    """The text with every e-mail address blotted out."""
    return _MAIL.sub("[e-mail]", text)


def _may_stay(key: str, holder: dict[str, Any]) -> bool:
    lower = key.lower()
    if lower in _THING_NAMES or lower in {"comments", "externalreferencetype"}:
        return True
    if lower == "externalreferenceid":
        return REFERENCE_KINDS.spelled(str(holder.get("externalReferenceType"))) in SAFE_REFERENCES
    if lower.endswith(("name", "validatedby")) or lower == "name":
        return False
    return _PERSONAL.search(key) is None


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return without_personal_data(value)
    if isinstance(value, list):
        return [_clean(entry) for entry in value]
    return masked_mail(value) if isinstance(value, str) else value
