"""The invented wholesaler's customers, with addresses, contact persons and contact details."""

import random
from typing import Any

_TRADES = (
    "Hoveniersbedrijf",
    "Tuincentrum",
    "Bouwmarkt",
    "Aannemersbedrijf",
    "Schildersbedrijf",
    "Klusbedrijf",
    "Kwekerij",
    "IJzerhandel",
    "Bouwbedrijf",
    "Timmerbedrijf",
)
_SURNAMES = (
    "de Vries",
    "Jansen",
    "van den Berg",
    "Bakker",
    "Visser",
    "Smit",
    "Meijer",
    "de Boer",
    "Mulder",
    "Bos",
    "Vos",
    "Peters",
    "Hendriks",
    "Dekker",
    "van Dijk",
    "Brouwer",
    "de Graaf",
    "Dijkstra",
    "Kuipers",
    "Çelik",
)
_FIRST_NAMES = (
    ("Jan", "M"),
    ("Sanne", "F"),
    ("Pieter", "M"),
    ("Fatima", "F"),
    ("Bram", "M"),
    ("Noor", "F"),
    ("Joris", "M"),
    ("Anouk", "F"),
    ("Zoë", "F"),
    ("Youssef", "M"),
    ("Robin", "X"),
)
_STREETS = (
    "Dorpsstraat",
    "Industrieweg",
    "Handelskade",
    "Molenweg",
    "Stationsplein",
    "Ambachtsweg",
    "Veilingweg",
    "Lange Nieuwstraat",
    "'t Hofke",
    "Burgemeester Jansenlaan",
)
_PLACES = (
    ("3511", "Utrecht"),
    ("1012", "Amsterdam"),
    ("5611", "Eindhoven"),
    ("9711", "Groningen"),
    ("7511", "Enschede"),
    ("4811", "Breda"),
    ("6211", "Maastricht"),
    ("8011", "Zwolle"),
    ("2511", "'s-Gravenhage"),
    ("8911", "Leeuwarden"),
    ("3311", "Dordrecht"),
    ("7411", "Deventer"),
)
_FUNCTIONS = ("Inkoper", "Directeur", "Bedrijfsleider", "Administratie", None)
_LETTERS = "ABCDEGHJKLMNPRSTVWXZ"


def customers(count: int, prefix: str, chance: random.Random) -> list[dict[str, Any]]:
    """Return customers as the gateway lists them, the awkward ones included."""
    return [_customer(number, prefix, chance) for number in range(1, count + 1)]


def _customer(number: int, prefix: str, chance: random.Random) -> dict[str, Any]:
    surname = chance.choice(_SURNAMES)
    name = f"{chance.choice(_TRADES)} {surname} {chance.choice(('B.V.', 'V.O.F.', '& Zn.', ''))}".strip()
    code = {13: f"{prefix}/013", 14: f"{prefix} 014", 15: f"{prefix}#015"}.get(
        number, f"{prefix}{number:05d}"
    )
    visit = address("Visit", name, chance)
    domain = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
    customer: dict[str, Any] = {
        "externalId": f"{prefix}-{number * 7919 % 100000:05d}-{chance.getrandbits(32):08x}",
        "customerCode": code,
        "name": name,
        "cocNumber": f"{chance.randint(10_000_000, 89_999_999)}",
        "vatNumber": f"NL{chance.randint(100_000_000, 899_999_999)}B{number % 3 + 1:02d}",
        "isBlocked": number % 37 == 0,
        "isProspect": number % 29 == 0,
        "languageCode": "nl",
        "currency": "EUR",
        "priceList": chance.choice(("STANDAARD", "DEALER", "PROJECT")),
        "paymentConditionCode": chance.choice(("14", "30", "30", "60")),
        "discount": chance.choice((0, 0, 5, 10)),
        "website": f"https://www.{domain}.example" if number % 3 else None,
        "created": f"20{15 + number % 8}-0{number % 9 + 1}-{number % 28 + 1:02d}T09:00:00",
        "modified": f"2026-0{number % 9 + 1}-{number % 28 + 1:02d}T1{number % 10}:30:00Z",
        "addresses": [{**visit, "isMain": True}, {**visit, "type": "Invoice"}],
        "contactPersons": [person(n == 0, domain, chance) for n in range(1 + number % 3)],
        "contactDetails": [
            {"type": "PhoneNumber", "value": f"0{chance.randint(10, 88)} {chance.randint(1000000, 9999999)}"},
            {"type": "Email", "value": f"info@{domain}.example"},
        ],
        "attributes": {"route": chance.choice(("Noord", "Oost", "Zuid", "West")), "visits": number % 12},
    }
    if number % 4 == 0:
        customer["addresses"].append(address("Delivery", f"{name} (magazijn)", chance))
    _make_awkward(number, customer, chance)
    return customer


def _make_awkward(number: int, customer: dict[str, Any], chance: random.Random) -> None:
    if number % 20 == 5:
        for absent in ("cocNumber", "vatNumber", "website", "priceList", "discount", "attributes", "created"):
            del customer[absent]
    if number % 20 == 6:
        customer |= dict.fromkeys(("externalId", "vatNumber", "isBlocked", "isProspect", "modified"))
        customer |= {"addresses": [], "contactPersons": [], "contactDetails": []}
    if number % 20 == 7:
        yard = {**address("Custom", customer["name"], chance), "customType": "Werf", "isMain": None}
        # Some back offices hang contact persons, and their details, below an address too.
        yard["contactPersons"] = [person(False, "werf", chance)]
        customer["addresses"].append(yard)
        customer["contactDetails"].append({"type": "Custom", "customType": "GLN", "value": "8712345000004"})
    if number % 25 == 8:
        customer |= {"currency": "GBP", "languageCode": "en"}
    if number % 15 == 9:
        customer |= {"accountManager": "S. Bos", "route": "wordt overstemd door het attribuut"}


def address(kind: str, name: str, chance: random.Random) -> dict[str, Any]:
    """Return an address of this kind in a Dutch town."""
    stem, town = chance.choice(_PLACES)
    post_code = f"{int(stem) + chance.randint(0, 60)} {chance.choice(_LETTERS)}{chance.choice(_LETTERS)}"
    number = f"{chance.randint(1, 240)}{chance.choice(('', '', 'a', '-2'))}"
    return {
        "type": kind,
        "name": name,
        "addressLine1": f"{chance.choice(_STREETS)} {number}",
        "addressLine2": None,
        "postCode": post_code,
        "city": town,
        "country": "NL",
    }


def person(is_main: bool, domain: str, chance: random.Random) -> dict[str, Any]:
    """Return a contact person with their own details."""
    first_name, gender = chance.choice(_FIRST_NAMES)
    surname = chance.choice(_SURNAMES)
    return {
        "firstName": first_name,
        "lastName": surname,
        "function": chance.choice(_FUNCTIONS),
        "gender": gender,
        "isMain": is_main,
        "contactDetails": [
            {"type": "MobileNumber", "value": f"06 {chance.randint(10_000_000, 59_999_999)}"},
            {"type": "Email", "value": f"{surname.split()[-1].lower()}@{domain}.example"},
        ][: chance.randint(0, 2)],
    }
