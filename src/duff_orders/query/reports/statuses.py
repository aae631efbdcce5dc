"""The contract's statuses in the SQL of reports and cubes, which name none where any could stand.

- `{status}`, `{status_id}`: a line that holds one of these is repeated for each status
- `{sold}`, `{sold_ids}`: the statuses, or their ids, whose lines count as sold, as a list for `in`
- `{sold_mask}`: their bits in a mask of states
- `{Unsold}`: the other statuses in words
"""

from collections.abc import Iterable, Iterator
from functools import reduce

from duff_orders.contract import CONTRACT, Contract
from duff_orders.drivers.dialect import sql_text


def filled(lines: Iterable[str], contract: Contract = CONTRACT) -> Iterator[str]:
    """Lines of SQL with the statuses in their places."""
    sold = contract.sold
    places = {
        "{sold}": f"({', '.join(sql_text(status.name) for status in sold)})",
        "{sold_ids}": f"({', '.join(str(status.id) for status in sold)})",
        "{Unsold}": " and ".join(status.name for status in contract.statuses if not status.sells).capitalize(),
        "{sold_mask}": str(sum(1 << (status.id - 1) for status in sold)),
    }
    for line in lines:
        text = reduce(lambda done, place: done.replace(*place), places.items(), line)
        if "{status" in text:
            for status in contract.statuses:
                yield text.replace("{status}", status.name).replace("{status_id}", str(status.id))
        else:
            yield text
