"""What a partner's profile costs: files as a partner writes them beside the same orders written canonically.

    python -m benchmarks.profiles [--rows 1230000] [--repeat 3]

The profile has everything: names, delimiter, both marks, words of both columns that have any. Clean files, and files
with 1 % bad records and 0.5 % exact repeats; whole processes, interleaved. Then one more small file in a lake of none,
and of a thousand profiles.
"""

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

from benchmarks.measure import Measurement, duff
from duff_orders.clock import utc_now
from duff_orders.documents import InForce, Partners
from duff_orders.generator.orders import generate
from duff_orders.lake import layout, partners
from duff_orders.lake.lake import open_lake
from duff_orders.profiles.profile import load

EVERYTHING = """
prefix = "every/"
max_reject_share = "0.1"
[file]
delimiter = ";"
ignore = ["Fecha"]
[numbers]
decimal_mark = ","
thousands_mark = "."
[headers]
client_id = "Cliente"
client_name = "Nombre"
order_id = "Pedido"
product_id = "Artículo"
product_description = "Descripción"
product_price = ["Precio", "Precio unitario"]
product_ccf = "Unidades"
product_volume = "Litros"
point_of_sale_channel = "Canal"
status = "Estado"
[values.status]
entregado = "delivered"
creado = "created"
roto = "broken"
[values.point_of_sale_channel]
tienda = "Retail"
mayorista = "B2B"
"""
THOUSAND = 1_000


def table(rows: int, repeat: int, scratch: Path) -> str:
    """CPU seconds and memory of canonical and of partners' files, as a Markdown table."""
    lines = ["| file | canonical CPU s | MB | by a profile CPU s | MB | ratio |", "|---|---:|---:|---:|---:|---:|"]
    for name, bad, duplicates in (("clean", 0.0, 0.0), ("1 % bad, 0.5 % repeats", 0.01, 0.005)):
        inputs = {"plain": None, "every": load(EVERYTHING)}
        for kind, profile in inputs.items():
            generate(scratch / f"{kind}.csv", rows=rows, bad=bad, duplicates=duplicates, profile=profile)
        runs: dict[str, list[Measurement]] = {kind: [] for kind in inputs}
        for turn in range(repeat):
            for kind in inputs:
                lake = scratch / f"lake-{kind}-{turn}-{bad}"
                partners.put(open_lake(lake).store, "every", EVERYTHING, utc_now())
                who = ("--partner", "every") if kind == "every" else ()
                runs[kind].append(duff("run", "--lake", lake, *who, scratch / f"{kind}.csv"))
                shutil.rmtree(lake)
        (plain, plain_mb), (every, every_mb) = (
            (statistics.median(run.cpu_s for run in each), max(run.peak_rss_mb for run in each))
            for each in runs.values()
        )
        size = (scratch / "plain.csv").stat().st_size / 10**6
        lines.append(
            f"| {size:.0f} MB, {name} | {plain:.2f} | {plain_mb:.0f} | {every:.2f} | {every_mb:.0f} "
            f"| {every / plain:.2f} |"
        )
    return "\n".join(lines)


def one_more(scratch: Path, repeat: int) -> str:
    """CPU seconds of `duff run` of a small file, by how many profiles there are."""
    lines = ["| profiles | `duff run` of one small file, CPU ms |", "|---:|---:|"]
    runs: dict[int, list[float]] = {0: [], THOUSAND: []}
    for turn in range(repeat):
        for number, told in runs.items():
            lake = scratch / f"lake-of-{number}-{turn}"
            _put(lake, number)
            generate(scratch / "small.csv", rows=20, seed=turn)
            told.append(duff("run", "--lake", lake, scratch / "small.csv").cpu_s * 1000)
    lines += (f"| {number:,} | {statistics.median(told):.0f} |" for number, told in runs.items())
    return "\n".join(lines)


def _put(lake: Path, number: int) -> None:
    """Let so many profiles hold, at once."""
    store, now = open_lake(lake).store, utc_now()
    entries = []
    for place in range(number):
        text = f'prefix = "p{place}/"\n[numbers]\ndecimal_mark = ","\n'.encode()
        entry = InForce(name=f"p{place:04}", prefix=f"p{place}/", digest=partners.digest_of(text), since=now)
        store.put_new(layout.profile_object(entry.name, entry.digest), text)
        entries.append(entry)
    store.put_new(layout.PARTNERS_INDEX, Partners(profiles=tuple(entries)).stored())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_230_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duff-bench-") as folder:
        print(table(options.rows, options.repeat, Path(folder)), one_more(Path(folder), 5 * options.repeat), sep="\n\n")


if __name__ == "__main__":
    main()
