"""Files whose names, cells and keys are markup, formulas, marks that turn text around, or very long."""

from duff_orders.lake.lake import Lake
from tests.lakes import ingest

HEADER = (
    "client_id,client_name,order_id,product_id,product_description,product_price,product_ccf,"
    "product_volume,point_of_sale_channel,status"
)
#: What somebody may put into a cell or a name.
EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; alert(1); //",
    "{{ 7*7 }}",
    "\u202egnp.exe",
    "=HYPERLINK(1)",
    "</textarea><svg onload=alert(1)>",
]


def make_evil(lake: Lake) -> None:
    """Process a file for each of these texts, and one with a cell of 100,000 characters."""
    for number, text in enumerate(EVIL):
        cell = '"' + text.replace('"', '""') + '"'
        rows = [f"1,{cell},{number + 1},1,{cell},2.50,6,0.33,{cell},created", f"{cell},{cell},x,1,d,2,1,1,R,{cell}"]
        ingest(lake, f"{text.replace('/', '_')}.csv", "\n".join((HEADER, *rows)).encode())
    long = "<b>" * 1365
    good = f"1,{long},999,999,{long},2.50,6,0.33,{long},created"
    ingest(lake, "names.csv", f"{HEADER}\n{good}\n".encode())
    ingest(lake, "long.csv", f"{HEADER}\n{'9' * 100_000},a,1,1,d,2,1,1,R,created\n".encode())
