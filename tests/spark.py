"""Spark started by tests: as a process of its own, or within that of the tests."""

from collections.abc import Mapping

#: What lives for seconds need not be compiled as well as can be.
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"


def told(settings: Mapping[str, str]) -> list[str]:
    """Settings as words of spark-submit's command line."""
    return [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
