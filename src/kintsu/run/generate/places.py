"""Words that the made-up tables draw from. Cities, their states and area codes are real; people and streets are not."""

from __future__ import annotations

from typing import Final

__all__ = ["CITIES", "FIRST", "LAST", "MAIL", "NOTES", "PRODUCTS", "STREETS"]

# city, state or province, country, first three characters of its postcodes, telephone area code
CITIES: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    ("New York", "NY", "United States", "100", "212"),
    ("Los Angeles", "CA", "United States", "900", "213"),
    ("Chicago", "IL", "United States", "606", "312"),
    ("Houston", "TX", "United States", "770", "713"),
    ("Phoenix", "AZ", "United States", "850", "602"),
    ("Philadelphia", "PA", "United States", "191", "215"),
    ("San Antonio", "TX", "United States", "782", "210"),
    ("San Diego", "CA", "United States", "921", "619"),
    ("Dallas", "TX", "United States", "752", "214"),
    ("Jacksonville", "FL", "United States", "322", "904"),
    ("Columbus", "OH", "United States", "432", "614"),
    ("Charlotte", "NC", "United States", "282", "704"),
    ("Indianapolis", "IN", "United States", "462", "317"),
    ("Seattle", "WA", "United States", "981", "206"),
    ("Denver", "CO", "United States", "802", "303"),
    ("Boston", "MA", "United States", "021", "617"),
    ("Nashville", "TN", "United States", "372", "615"),
    ("Portland", "OR", "United States", "972", "503"),
    ("Las Vegas", "NV", "United States", "891", "702"),
    ("Detroit", "MI", "United States", "482", "313"),
    ("Memphis", "TN", "United States", "381", "901"),
    ("Louisville", "KY", "United States", "402", "502"),
    ("Baltimore", "MD", "United States", "212", "410"),
    ("Milwaukee", "WI", "United States", "532", "414"),
    ("Albuquerque", "NM", "United States", "871", "505"),
    ("Atlanta", "GA", "United States", "303", "404"),
    ("Kansas City", "MO", "United States", "641", "816"),
    ("Omaha", "NE", "United States", "681", "402"),
    ("Minneapolis", "MN", "United States", "554", "612"),
    ("New Orleans", "LA", "United States", "701", "504"),
    ("Honolulu", "HI", "United States", "968", "808"),
    ("Anchorage", "AK", "United States", "995", "907"),
    ("Salt Lake City", "UT", "United States", "841", "801"),
    ("Providence", "RI", "United States", "029", "401"),
    ("Burlington", "VT", "United States", "054", "802"),
    ("Toronto", "ON", "Canada", "M5V", "416"),
    ("Ottawa", "ON", "Canada", "K1P", "613"),
    ("Montreal", "QC", "Canada", "H2X", "514"),
    ("Vancouver", "BC", "Canada", "V6B", "604"),
    ("Calgary", "AB", "Canada", "T2P", "403"),
    ("Winnipeg", "MB", "Canada", "R3C", "204"),
    ("Halifax", "NS", "Canada", "B3J", "902"),
)

_FIRST = """
Adele Ahmed Alice Amara Andrei Anita Astrid Bashir Bianca Boris Camille Chen Clara Dalia Daniel Dmitri Edith
Elias Emeka Esther Farah Felix Fiona Gabriel Greta Hana Hassan Helena Ibrahim Ingrid Ivan Jasmine Joel Jonas
Julia Kaito Karin Khalid Lena Leo Linnea Lucia Malik Marcus Maya Mei Miriam Nadia Nils Noor Olivia Omar Oscar
Paloma Petra Priya Rafael Renata Rohan Ruth Samuel Selma Simone Sofia Stefan Tamar Tobias Ursula Viktor Yusuf
Zainab Zora
"""
FIRST: Final[tuple[str, ...]] = tuple(_FIRST.split())

_LAST = """
Abbott Adeyemi Almeida Anders Bauer Becker Bellini Bergstrom Brandt Calloway Castillo Chaudhry Conti Costa
Dawson Delgado Drummond Duarte Eriksen Falk Ferreira Fischer Fontaine Gallagher Garrido Goldberg Grant Haas
Hakimi Hansen Hartmann Holloway Hughes Ibarra Iqbal Jansen Kaplan Keller Kowalski Kumar Lambert Lindqvist
Lombardi Maddox Marchetti McAllister Mendoza Moreau Nakamura Navarro Nielsen O'Brien Okonkwo Olsen Osei Palmer
Park Petrov Quintero Rahman Ramirez Reyes Richter Romano Sandoval Santos Schneider Sharma Sullivan Svensson
Tanner Thornton Toivonen Vance Varga Vogel Wagner Whitaker Yamada Zhang Ziegler
"""
LAST: Final[tuple[str, ...]] = tuple(_LAST.split())

_TREES = "Maple Oak Cedar Elm Willow Birch Lake Hill River Park Mill Church Station Harbor Orchard Garden"
STREETS: Final[tuple[str, ...]] = tuple(
    f"{name} {kind}" for kind in ("Street", "Avenue", "Road", "Lane", "Drive") for name in _TREES.split()
)

MAIL: Final[tuple[str, ...]] = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org")

NOTES: Final[tuple[str, ...]] = (
    "prefers email over phone",
    "asked for a paper invoice",
    "moved recently, address confirmed",
    "VIP, handle with care",
    "called about a late delivery",
    "wants to be called after 5 pm",
    "ordered twice by mistake, refunded",
    "no marketing please",
    "speaks French and English",
    "gate code 4411, ring twice",
)

# sku, product, category, price in dollars, weight in kilograms
PRODUCTS: Final[tuple[tuple[str, str, str, float, float], ...]] = (
    ("KT-1001", "Chef knife 20 cm", "kitchen", 64.90, 0.32),
    ("KT-1002", "Cast iron pan 26 cm", "kitchen", 48.50, 2.40),
    ("KT-1003", "Digital scale", "kitchen", 22.00, 0.55),
    ("KT-1004", "Stand mixer", "kitchen", 329.00, 9.80),
    ("KT-1005", "Espresso cups, set of 4", "kitchen", 27.90, 0.90),
    ("GD-2001", "Pruning shears", "garden", 31.40, 0.28),
    ("GD-2002", "Garden hose 25 m", "garden", 39.95, 3.10),
    ("GD-2003", "Raised bed kit", "garden", 119.00, 18.50),
    ("GD-2004", "Bird feeder", "garden", 24.75, 0.80),
    ("GD-2005", "Watering can 10 l", "garden", 18.20, 0.75),
    ("OF-3001", "Desk lamp", "office", 42.00, 1.30),
    ("OF-3002", "Ergonomic chair", "office", 279.00, 17.20),
    ("OF-3003", "Notebook, pack of 5", "office", 14.50, 0.95),
    ("OF-3004", "Paper shredder", "office", 89.90, 4.60),
    ("OF-3005", "Whiteboard 90 x 60", "office", 54.30, 3.70),
    ("SP-4001", "Yoga mat", "sports", 29.90, 1.10),
    ("SP-4002", "Dumbbell 10 kg", "sports", 35.00, 10.00),
    ("SP-4003", "Trail backpack 30 l", "sports", 98.00, 1.25),
    ("SP-4004", "Jump rope", "sports", 12.90, 0.18),
    ("SP-4005", "Camping stove", "sports", 76.50, 1.45),
    ("AU-5001", "Wireless headphones", "audio", 149.00, 0.26),
    ("AU-5002", "Bookshelf speakers", "audio", 239.00, 7.40),
    ("AU-5003", "USB microphone", "audio", 84.00, 0.62),
    ("AU-5004", "Turntable", "audio", 199.00, 5.90),
    ("TY-6001", "Wooden train set", "toys", 45.60, 1.80),
    ("TY-6002", "Puzzle, 1000 pieces", "toys", 16.80, 0.70),
    ("TY-6003", "Building blocks", "toys", 38.40, 1.60),
    ("TY-6004", "Plush bear", "toys", 21.30, 0.40),
)
