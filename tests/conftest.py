"""What tests of several folders share: one Spark context, one emulated AWS and one browser for a process."""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duff_orders.drivers.spark import use_java
from duff_orders.lake import engines
from tests import effort
from tests.browser.tabs import Opened, chromium, tabs
from tests.spark import QUICK_JAVA

# A module all of whose tests bear a mark.
_WHOLLY = re.compile(r"^pytestmark = .*?pytest\.mark\.(\w+)", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--prove", action="store_true", help="make every proof as a whole (see tests/effort.py)")
    parser.addoption("--groups-shuffled", metavar="SEED", help="run the groups of tests in an order of this seed's")


def pytest_configure(config: pytest.Config) -> None:
    effort.prove(config.option.prove)


def pytest_report_header(config: pytest.Config) -> str | None:
    return None if config.option.prove else "a part of each proof; `make prove` makes all of them"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is exhaustive, unless it is asked for; and put groups in another order where that is."""
    if not config.option.prove:
        left_out = [item for item in items if item.get_closest_marker("exhaustive")]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in set(left_out)]
    if config.option.groups_shuffled is not None:
        groups: dict[str, list[pytest.Item]] = {}
        for item in items:
            group = item.get_closest_marker("xdist_group")
            groups.setdefault(group.args[0] if group else str(item.path), []).append(item)
        order = list(groups.values())
        random.Random(config.option.groups_shuffled).shuffle(order)
        items[:] = [item for group in order for item in group]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where marks are left out (`-m "not (slow or ...)"`), modules that wholly bear one need not even be imported."""
    left_out = re.fullmatch(r"not \((.+)\)", config.option.markexpr)
    if left_out is None or collection_path.suffix != ".py":
        return None
    found = _WHOLLY.search(collection_path.read_text(encoding="utf-8"))
    return True if found is not None and found[1] in left_out[1].split(" or ") else None


@pytest.fixture(scope="session")
def spark_context() -> Any:
    """The context that every session of the product's own is made on. Tiny files need few and quick tasks."""
    sql = pytest.importorskip("pyspark.sql", reason="needs the extra `spark`")
    use_java()
    options = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": QUICK_JAVA,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.log.level": "ERROR",
        "spark.sql.codegen.cache.maxEntries": "2000",
        # nobody looks at the plans, and to describe them is a tenth of the work on a tiny file
        "spark.sql.maxPlanStringLength": "0",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.ui.explainMode": "simple",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    started = sql.SparkSession.builder.master("local[2]").config(map=options).getOrCreate()
    yield started.sparkContext
    started.stop()


@pytest.fixture(autouse=True)
def no_engine_of_another_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A function keeps its engines for as long as its process lives; here that is as long as a test."""
    idle = engines._Idle()
    monkeypatch.setattr(engines, "_IDLE", idle)
    yield
    if idle.for_life:
        idle.leave()


@pytest.fixture(autouse=True)
def _spark(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("spark"):
        request.getfixturevalue("spark_context")


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of emulated AWS, which the environment names, too."""
    from tests.aws.emulator import emulated_aws

    with emulated_aws(tmp_path_factory.mktemp("aws")) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium. A process can start but one: while it runs, the process counts as one with an event loop."""
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Any) -> Iterator[Opened]:
    """Opens tabs; at the end none has said anything on its console, or asked for anything elsewhere."""
    with tabs(browser) as opens:
        yield opens
