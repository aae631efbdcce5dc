"""The package with a contract that has grown, more reports and one engine more, as a later release would have it.

It is a copy in which `contract.toml`, two reports' files and the folder of an engine are all that changes. What runs
there are the tests of `grown_probes.py`, in a process that finds the copy first.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duff_orders

STATUSES = """
[[status]]
name = "returned"
id = 4
rank = 2
sells = false
symbol = "↩"
colour = "violet"
labels = { es = "devuelto" }

[[status]]
name = "replaced"
id = 5
rank = 1
sells = true
symbol = "⟳"
colour = "teal"
"""
COLUMNS = """
[[column]]
name = "promotion_code"
kind = "text"
type = "string"
required = false
since = 3
fact = true
comment = "The promotion that the line was sold under"

[[column]]
name = "discount"
kind = "number"
type = "decimal(12,4)"
minimum = 0
exclusive = true
required = false
since = 3
comment = "What was taken off the price"

[[column]]
name = "pallets"
kind = "integer"
type = "int"
minimum = 1
maximum = 1000
required = false
since = 3
fact = true
aliases = ["palettes", "pallet count"]
comment = "The pallets on which the units come"
"""
#: Further names of a column that each file has, by the line behind which they stand.
ALIASES = {'name = "product_ccf"\n': 'aliases = ["units", "unidades"]\n'}
#: Reports by name: their files.
REPORTS = {
    "lines_of_channel": """-- Which lines of a channel have how many units? {Unsold} ones do not count.
-- over star
-- page sql
-- channel text 1 to 20 = Retail: the channel
-- most integer 0 to 5000000 = 5000000: units at the most
-- gives order_id bigint
-- gives units bigint
select f.order_id, sum(f.product_ccf) as units
from fact_orders f
join dim_channels c on c.channel_id = f.channel_id
join dim_status s on s.status_id = f.status_id
where c.point_of_sale_channel = :channel and s.status in {sold}
group by f.order_id
having sum(f.product_ccf) <= :most
order by f.order_id
""",
    "files_of_verdict": """-- Which files have a verdict?
-- over ledger
-- verdict text = valid: the verdict
-- gives source_file varchar
-- gives rejected bigint
select f.source_file, count(r.file_id) as rejected
from tbl_duff_files f
left join tbl_duff_rejected_rows r on r.file_id = f.file_id
where f.verdict = :verdict
group by f.source_file
order by f.source_file
""",
}


def contract() -> str:
    """This release's contract, and more: its next version."""
    text = (Path(duff_orders.__file__).parent / "contract" / "contract.toml").read_text(encoding="utf-8")
    for line, alias in ALIASES.items():
        text = text.replace(line, line + alias)
    head, first, columns = text.partition("[[column]]")
    return head.replace("version = 2\n", "version = 3\n") + STATUSES + first + columns + COLUMNS


def run_probes(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of `grown_probes.py` that some words of pytest's name, on the copy that is made in a folder."""
    package = folder / "duff_orders"
    shutil.copytree(Path(duff_orders.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "contract" / "contract.toml").write_text(contract(), encoding="utf-8")
    for name, text in REPORTS.items():
        (package / "query" / "reports" / f"{name}.sql").write_text(text, encoding="utf-8")
    engine = shutil.copytree(package / "engines" / "duckdb", package / "engines" / "again")
    for path in engine.glob("*.py"):
        text = path.read_text(encoding="utf-8").replace("engines.duckdb", "engines.again")
        path.write_text(text.replace('name="duckdb"', 'name="again"'), encoding="utf-8")
    probes = Path(__file__).with_name("grown_probes.py")
    return subprocess.run(
        [sys.executable, "-m", "pytest", str(probes), "-q", "-p", "no:cacheprovider", "--tb=short", *words],
        cwd=probes.parents[2],
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
