"""The two Glue jobs: they read their arguments and call the layers below."""

from duff_orders.settings import MIB

#: The workers of job runs: whoever starts one says their number and their type, or Glue refuses.
WORKER_TYPE = "G.1X"


def workers_for(size: int, most: int) -> int:
    """The workers of a job run for a file of `size` bytes: one for the driver, and one for each 512 MiB."""
    return max(2, min(most, 1 + size // (512 * MIB)))
