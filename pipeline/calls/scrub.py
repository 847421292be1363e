"""Blotting out what a stored excerpt must not hold: our keys, shoppers' e-mails, names and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Anything shorter is no secret, and blotting it out would make every text unreadable.
SHORTEST_SECRET = 6
_FIELDS = (
    "Customer|CustomerName|CustomerContactName|CustomerContactEmail|Contact|DisplayName|Phone|Email|DisplayAddressLine\\d|"
    "Line\\d|City|State|Postcode|ShippingNotes|street\\d|city|state|zip|phone|email|name|userFirstName|userLastName|"
    "userEmailAddress|ExternalPassword|ExternalBearerToken|iban|firstName|lastName|labelURL|trackingURL|trackingNumber|"
    "SalesRepresentative|BillingAddressLine\\d|textAnswer|extendedReason|Note|CustomerNote|InternalNote|Fax|MobilePhone|"
    "Company|ContactName|DeliveryToName|CitySuburb|ShippingAddressLine\\d|ShipToAddress\\d|BillingAddress|ShippingAddress|"
    "Address(?:Line\\d|CitySuburb|StateProvince|ZipPostCode)|TaxNumber|accountHolder|accountNumber|sortCode|bic"
)
_PERSONAL = re.compile(rf'("(?:{_FIELDS})"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|$)')
_STORE_CREDIT = re.compile(r'("externalReferenceId"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|$)')
_MAIL = re.compile(r"[^\s<>\"'@:,]{1,64}@[^\s<>\"'@,.]{1,63}(?:\.[^\s<>\"'@,.]{1,63}){1,8}")


def scrubbed(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the given secrets and without shoppers' personal data."""
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            text = re.sub(re.escape(secret), "[secret]", text, flags=re.IGNORECASE)
    text = _STORE_CREDIT.sub(r'\1"[code]"', _PERSONAL.sub(r'\1"[personal]"', text))
    return _MAIL.sub("[e-mail]", text)
