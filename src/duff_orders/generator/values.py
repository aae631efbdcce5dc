"""What generated orders are made of: clients, beers, channels, and the ways in which a record can be bad."""

from typing import Final

from duff_orders.contract import STATUSES


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split("|"))


# A client's name is one of these and, after the first round, a number. Only the last is quoted: it
# holds a comma.
NAMES: Final = _listed(
    """
    Moe's Tavern | Kwik-E-Mart | Krusty Burger | Springfield Mall | Duff Gardens | Café Moe |
    Try-N-Save | Monstromart | Lard Lad | Frying Dutchman | Gilded Truffle | Barney's Bowl |
    Señor Ding-Dong | Luigi's | Leftorium | Isotopes Park | Hotel Capital | Android's Dungeon |
    Noise Land | Singing Sirloin | Aztec Theater | Herman's | Sprawl-Mart | Java Server |
    She-She Lounge | King Toot's | Rusty Barnacle | Happy Sumo | Bumblebee Café | Brauhäusl |
    Swanky Fish | Mapple Store | Hotel Ogden | Jake's | Spiffy's | Pimento Grove | Juggernaut |
    Hal's Deli | Mom's Pub | Squidport | Lake Kiosk | Monorail Bar | Gulp 'n' Blow | Doggie Diner |
    Ayr's Rock | Izzy's | Nuked Pot | Two Guys | Green Room | Legs Bar | Stu's Disco |
    Tom's Grill | Burns, Worms & Co.
    """
)

BEERS: Final = _listed(
    """
    Duff | Duff Classic | Duff Lite | Duff Dry | Duff Special | Duff Adequate | Duff Dark |
    Duff Blue | Duff Zero | Duff Stout | Düff Weiße | Duff Cold | Duff Amber | Duff Lager |
    Raspberry Duff | Lady Duff | Tartar Duff | Duff Christmas | Señor Duff | Henry K. Duff |
    Duff Gummi | Fudd | Fudd Lite | Duff Export | Duff Red
    """
)

# What each beer is sold in: name, litres as files write them, cents for the cheapest beer.
PACKS: Final = (
    ("Can", "0.33", 120),
    ("Bottle", "0.5", 175),
    ("Pint", "0.473", 160),
    ("Tall", "1.00", 310),
    ("6-Pack", "1.98", 699),
    ("Growler", "2.00", 850),
    ("Mini", "5.00", 1995),
    ("Keg", "30.00", 8900),
)
FIRST_PRODUCT: Final = 101
FIRST_CLIENT: Final = 1001

# Each of 64 equally likely draws. Many orders are for whole packs and crates.
CHANNEL_DRAWS: Final = ("Retail",) * 29 + ("B2B",) * 17 + ("Online",) * 14 + ("Wholesale",) * 2 + ("Stadium", "Export")
UNIT_DRAWS: Final = (*range(1, 49), 6, 6, 6, 6, 12, 12, 12, 12, 24, 24, 24, 48, 2, 4, 8, 1)
_CREATED, _DELIVERED, _BROKEN, *_LATER = STATUSES  # those that later versions of the contract added are as rare
STATUS_DRAWS: Final = (_CREATED,) * 38 + (_DELIVERED,) * (22 - len(_LATER)) + (_BROKEN,) * 4 + (*_LATER,)
MOVED_DRAWS: Final = (_DELIVERED,) * (57 - len(_LATER)) + (_BROKEN,) * 7 + (*_LATER,)

# The ways in which a bad record breaks the contract, taken in turn: what stands in place of a
# column's text. The row may also lack its last field or have one too many. Together they bring up
# every reason to reject a record, and none of them changes how the records after it are read.
LACKING: Final = "lacking"
SURPLUS: Final = "surplus"
FLAWS: Final[tuple[dict[str, str], ...]] = (
    {"client_id": ""},
    {"client_id": "C-1001"},
    {"client_id": "0"},
    {"client_id": "-1001"},
    {"client_name": "  "},
    {"order_id": "N/A"},
    {"order_id": "1e3"},
    {"product_id": "102.5"},
    {"product_description": "null"},
    {"product_price": ""},
    {"product_price": "2.50 USD"},
    {"product_price": "-2.50"},
    {"product_price": "123456789.00"},
    {"product_price": "2.50001"},
    {"product_ccf": "six"},
    {"product_ccf": "2.5"},
    {"product_ccf": "0"},
    {"product_ccf": "-6"},
    {"product_volume": "0"},
    {"product_volume": "0.333333"},
    {"product_volume": "a pint"},
    {"point_of_sale_channel": ""},
    {"status": "shipped"},
    {"status": "none"},
    {"client_id": "", "product_price": "free", "status": "lost"},
    {LACKING: "status"},
    {SURPLUS: "Springfield"},
    {"client_name": '"Moe" Szyslak'},
)
