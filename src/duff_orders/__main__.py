"""`python -m duff_orders` is `duff`."""

from duff_orders.cli import main

main()
