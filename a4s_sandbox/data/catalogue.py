"""What the invented wholesaler sells: items with names, prices, attributes, pictures and stock."""

import hashlib
import random
import struct
import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

PLACEHOLDER_DATES: tuple[str | None, ...] = (
    None,
    "",
    "nader te bepalen",
    "0001-01-01",
    "0001-01-01T00:00:00",
    "1753-01-01",
    "1753-01-01T00:00:00",
    "1899-12-30",
    "1899-12-30T00:00:00",
    "1899-12-31T00:00:00Z",
    "1900-01-01",
    "1900-01-01T00:00:00",
    "1970-01-01",
    "1970-01-01T00:00:00Z",
    "1989-12-31",
    "2201-01-01",
    "9999-12-31",
    "9999-12-31T23:59:59",
)
"""What back offices write where a delivery has no date yet; some leave the field out."""

_GARDEN_SIZES = ("klein", "middel", "groot", "XL")
_LENGTHS = ("30", "40", "50", "60", "80", "100", "120")
_SHOES = ("39", "40", "41", "42", "43", "44", "45", "46")
_CLOTHES = ("S", "M", "L", "XL", "XXL", "3XL")
_POTS = ("1L", "2,5L", "5L", "10L")

# family, number, names in Dutch, English and German, unit, price in cents, variants
_RANGE: tuple[tuple[str, int, str, str, str, str, int, tuple[str, ...]], ...] = (
    ("TUIN", 1010, "Spade met essen steel", "Spade with ash handle", "Spaten mit Eschenstiel", "stuk", 2495,
     _GARDEN_SIZES),
    ("TUIN", 1020, "Bladhark verstelbaar", "Adjustable leaf rake", "Fächerbesen verstellbar", "stuk", 1650,
     _GARDEN_SIZES),
    ("TUIN", 1030, "Snoeischaar bypass", "Bypass secateurs", "Bypass-Gartenschere", "stuk", 1895,
     _GARDEN_SIZES),
    ("TUIN", 1040, "Tuinslang gewapend", "Reinforced garden hose", "Gartenschlauch verstärkt", "rol", 3275,
     ("15m", "25m", "50m")),
    ("TUIN", 1050, "Kruiwagen verzinkt", "Galvanised wheelbarrow", "Schubkarre verzinkt", "stuk", 7950,
     ("85L", "100L", "160L")),
    ("TUIN", 1060, "Potgrond universeel", "Universal potting soil", "Blumenerde universal", "zak", 649,
     ("20L", "40L", "70L")),
    ("TUIN", 1070, "Graszaad speelgazon", "Lawn seed play", "Rasensamen Spielrasen", "zak", 1325,
     ("1kg", "2,5kg", "10kg")),
    ("TUIN", 1080, "Tuinhandschoen leer", "Leather garden glove", "Gartenhandschuh Leder", "paar", 795,
     ("8", "9", "10", "11")),
    ("TUIN", 1090, "Plantenbak hardhout", "Hardwood planter", "Pflanzkübel Hartholz", "stuk", 4995, _LENGTHS),
    ("GERE", 2010, "Klauwhamer glasfiber", "Fibreglass claw hammer", "Klauenhammer Fiberglas", "stuk", 1745,
     ("450g", "560g", "680g")),
    ("GERE", 2020, "Waterpas aluminium", "Aluminium spirit level", "Wasserwaage Aluminium", "stuk", 2150,
     _LENGTHS),
    ("GERE", 2030, "Handzaag gehard", "Hardened hand saw", "Handsäge gehärtet", "stuk", 1499,
     ("400mm", "500mm", "550mm")),
    ("GERE", 2040, "Steeksleutel chroom", "Chrome open-end spanner", "Maulschlüssel Chrom", "stuk", 625,
     ("8", "10", "11", "13", "14", "17", "19", "22", "24")),
    ("GERE", 2050, "Schroevendraaier kruiskop", "Phillips screwdriver", "Kreuzschraubendreher", "stuk", 545,
     ("PH0", "PH1", "PH2", "PH3")),
    ("GERE", 2060, "Accuboormachine 18V", "Cordless drill 18V", "Akkubohrschrauber 18V", "stuk", 18900,
     ("solo", "2x2Ah", "2x5Ah")),
    ("GERE", 2070, "Houtboor", "Wood drill bit", "Holzbohrer", "stuk", 385,
     ("4", "5", "6", "8", "10", "12", "14")),
    ("GERE", 2080, "Lijmtang", "Bar clamp", "Schraubzwinge", "stuk", 1275, _LENGTHS),
    ("GERE", 2090, "Vouwladder", "Folding ladder", "Klappleiter", "stuk", 11950, ("4x3", "4x4", "4x5")),
    ("KLED", 3010, "Werkbroek met kniezakken", "Work trousers with knee pockets",
     "Arbeitshose mit Knietaschen", "stuk", 4950, ("44", "46", "48", "50", "52", "54", "56", "58")),
    ("KLED", 3020, "Softshell jas", "Softshell jacket", "Softshelljacke", "stuk", 6495, _CLOTHES),
    ("KLED", 3030, "Werkschoen S3", "Safety shoe S3", "Sicherheitsschuh S3", "paar", 8450, _SHOES),
    ("KLED", 3040, "Veiligheidslaars S5", "Safety boot S5", "Sicherheitsstiefel S5", "paar", 3995, _SHOES),
    ("KLED", 3050, "T-shirt katoen", "Cotton T-shirt", "T-Shirt Baumwolle", "stuk", 895, _CLOTHES),
    ("KLED", 3060, "Signaalvest EN ISO 20471", "Hi-vis vest EN ISO 20471", "Warnweste EN ISO 20471", "stuk",
     645, _CLOTHES),
    ("KLED", 3070, "Regenpak", "Rain suit", "Regenanzug", "set", 2995, _CLOTHES),
    ("KLED", 3080, "Thermosok", "Thermal sock", "Thermosocke", "paar", 575, ("36-40", "41-43", "44-47")),
    ("KLED", 3090, "Veiligheidsbril helder", "Clear safety glasses", "Schutzbrille klar", "stuk", 475,
     ("standaard", "overzet")),
    ("BEVE", 4010, "Spaanplaatschroef verzinkt", "Galvanised chipboard screw", "Spanplattenschraube verzinkt",
     "stuk", 4, ("3x16", "3,5x25", "4x30", "4x40", "4,5x50", "5x60", "5x80", "6x100")),
    ("BEVE", 4020, "Slotbout rvs A2", "Carriage bolt A2", "Schlossschraube A2", "stuk", 38,
     ("M6x40", "M6x60", "M8x60", "M8x100", "M10x120")),
    ("BEVE", 4030, "Nylon plug", "Nylon wall plug", "Nylondübel", "stuk", 5, ("5", "6", "8", "10", "12")),
    ("BEVE", 4040, "Draadnagel blank", "Bright wire nail", "Drahtstift blank", "kg", 515,
     ("40", "50", "65", "80", "100")),
    ("BEVE", 4050, "Hoekanker verzinkt", "Galvanised angle bracket", "Winkelverbinder verzinkt", "stuk", 112,
     ("50", "70", "90", "105")),
    ("BEVE", 4060, "Kabelbinder UV-bestendig", "UV resistant cable tie", "Kabelbinder UV-beständig", "stuk",
     6, ("140", "200", "300", "370")),
    ("VERF", 5010, "Buitenbeits dekkend", "Opaque exterior stain", "Wetterschutzfarbe deckend", "blik", 2895,
     _POTS),
    ("VERF", 5020, "Muurverf mat wit", "Matt white wall paint", "Wandfarbe matt weiß", "emmer", 3450, _POTS),
    ("VERF", 5030, "Platte kwast", "Flat paint brush", "Flachpinsel", "stuk", 355, ("25", "40", "50", "70")),
    ("VERF", 5040, "Verfroller", "Paint roller", "Farbroller", "stuk", 465, ("10cm", "18cm", "25cm")),
    ("VERF", 5050, "Afplaktape", "Masking tape", "Abdeckband", "rol", 315, ("19mm", "25mm", "38mm", "50mm")),
)  # fmt: skip
_BRANDS = ("Boerma", "Halder", "Nordvik", "Van Loon", "Kessel & Zn.")
_AWKWARD_CODES = ("SET/2024", "BEVE #12", "KIT 50%", "ACTIE?", "Ü-profiel 3m", "a+b")
_UNITS = {"stuk": "Stuk", "paar": "Paar", "rol": "Rol", "zak": "Zak", "set": "Set", "kg": "Kilogram"}


@dataclass(frozen=True, slots=True)
class Product:
    """What an order line needs of an item; `price` is in euro per unit."""

    code: str
    family: str
    name: str
    unit: str
    price: Decimal


def products(share: float = 1.0) -> list[Product]:
    """Return the range, or a share of it, with colours and sizes as items."""
    found: list[Product] = []
    for family, number, dutch, _, _, unit, cents, variants in _RANGE:
        for colour in ("", "Zwart", "Blauw", "Groen", "Rood") if family == "KLED" else ("",):
            for step, variant in enumerate(variants):
                code = "-".join(
                    part for part in (f"{family[:2]}{number}", colour[:2].upper(), variant) if part
                )
                price = Decimal(cents + cents * step // 25) / 100
                if cents < 50:
                    price += Decimal("0.0025") * (step + 1)
                found.append(
                    Product(
                        code, family, " ".join(part for part in (dutch, colour, variant) if part), unit, price
                    )
                )
    sets = [Product(code, "DIV", f"Actieset {code}", "set", Decimal("24.95")) for code in _AWKWARD_CODES]
    return sets + found[: round(len(found) * share)]


def pictures(count: int) -> dict[str, bytes]:
    """Return small single-colour PNG pictures, by the SHA-1 of their bytes."""
    drawn = [_png(16, (37 * n % 256, 91 * n % 256, 160 + 5 * n % 96)) for n in range(count)]
    return {hashlib.sha1(picture, usedforsecurity=False).hexdigest(): picture for picture in drawn}


def items(range_: list[Product], hashes: list[str], chance: random.Random) -> list[dict[str, Any]]:
    """Return the items of a range as the gateway lists them."""
    names = {row[2]: (row[3], row[4]) for row in _RANGE}
    return [_item(number, product, names, hashes, chance) for number, product in enumerate(range_)]


def _item(
    number: int,
    product: Product,
    names: dict[str, tuple[str, str]],
    hashes: list[str],
    chance: random.Random,
) -> dict[str, Any]:
    translated = next((pair for dutch, pair in names.items() if product.name.startswith(dutch)), None)
    variant = product.code.rpartition("-")[2]
    item: dict[str, Any] = {
        "itemCode": product.code,
        "names": {"nl": product.name},
        "familyCode": product.family,
        "unitOfMeasure": {"code": product.unit, "description": _UNITS.get(product.unit), "quantity": 1},
        "attributes": _attributes(number, product, chance),
        "images": [],
        "stock": stock(number, product.code, chance),
        "created": f"20{18 + number % 5}-0{1 + number % 9}-15T08:00:00",
        "modified": f"2026-0{1 + number % 9}-{1 + number % 28:02d}T{6 + number % 12:02d}:05:00Z",
    }
    if translated:
        item["names"] |= {"en": f"{translated[0]} {variant}", "de": f"{translated[1]} {variant}"}
    if number % 6:
        item["eanCode"] = _ean(number)
    if number % 3 == 0 and hashes:
        shown = hashes[number // 3 % len(hashes)], hashes[(number // 3 + 7) % len(hashes)]
        item["images"] = [
            {"hash": digest, "fileName": f"{product.family.lower()}-{number}-{n}.png", "sequence": n}
            for n, digest in enumerate(shown[: 1 + number % 2], start=1)
        ]
    if number % 50 == 7:
        item["images"] = [{"hash": "0" * 40, "sequence": 1}]
    if number % 40 == 11:
        item |= {"unitOfMeasure": None, "familyCode": None, "attributes": None, "modified": None}
    if number % 40 == 12:
        for absent in ("unitOfMeasure", "familyCode", "attributes", "created", "modified"):
            del item[absent]
    if number % 25 == 3:
        item |= {"warehouseLocation": f"G{number % 9}-{number % 30:02d}", "hazardous": number % 2 == 0}
    return item


def _attributes(number: int, product: Product, chance: random.Random) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "brand": chance.choice(_BRANDS),
        "weightKg": Decimal(chance.randint(5, 9000)) / 1000,
        "minimumOrder": chance.choice((1, 1, 1, 6, 10, 100)),
        "discontinued": number % 30 == 4,
    }
    if product.family == "KLED":
        attributes["norms"] = ["EN ISO 20345", "EN ISO 13688"][: 1 + number % 2]
        attributes["washing"] = {"degrees": 60, "tumbleDry": False}
    if number % 9 == 0:
        attributes["Maat / Größe"] = product.code.rpartition("-")[2]
        attributes["supplierNote"] = None
    return attributes


def stock(number: int, code: str, chance: random.Random) -> dict[str, Any]:
    """Return an item's stock; twelve successive numbers include every placeholder date."""
    entries: list[dict[str, Any]] = []
    for ahead in sorted(chance.sample(range(2, 120), number % 4)):
        day = date(2026, 11, 2) + timedelta(days=ahead)
        text = f"{day}T00:00:00" if ahead % 3 == 0 else str(day)
        entries.append({"date": text, "quantity": chance.choice((6, 12, 24, 50, Decimal("2.5")))})
    kinds = len(PLACEHOLDER_DATES) + 1
    if number % kinds < len(PLACEHOLDER_DATES):
        entries.append({"date": PLACEHOLDER_DATES[number % kinds], "quantity": 10})
    else:
        entries.append({"quantity": 10})
    return {
        "itemCode": code,
        "shelfStock": chance.choice((0, 3, 18, 75, 240, 1200, Decimal("12.500"), -2)),
        "toBeDelivered": chance.choice((0, 0, 0, 2, 10, 45)),
        "deliveryDates": entries,
    }


def _ean(number: int) -> str:
    digits = f"8712345{number:05d}"
    weighed = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(digits))
    return f"{digits}{-weighed % 10}"


def _png(side: int, colour: tuple[int, int, int]) -> bytes:
    def chunk(kind: bytes, held: bytes) -> bytes:
        return struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))

    rows = (b"\0" + bytes(colour) * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks
