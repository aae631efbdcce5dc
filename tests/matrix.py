"""`make extras`: the package as users get it. Each extra alone, the sdist's own tests, the fast tests on every Python.

python -m tests.matrix [NAME …]      # all, or those of: base, serve, charts, aws, spark, sdist, python3.12, …
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"
CONSTRAINTS = ROOT / "constraints.txt"
RELEASES = ("3.11", "3.12", "3.13", "3.14")
QUERY = "select count(*) as n, sum(total_price) as sales from fact_orders"
ANSWER = "n,sales\n25,969.2500\n"
#: Those that serve; whether a page has charts.
SERVING = {"serve": False, "charts": True, "aws": False}
#: What each extra is for, tried after the samples were run: words of `duff`, what it must say, and its exit status.
TRIES: dict[str, list[tuple[tuple[str, ...], str, int]]] = {
    "": [
        (("run", "--engine", "spark", "{lake}/raw/01-orders.csv"), "pip install '.[spark]'", 2),
        (("serve", "--port", "0"), "pip install '.[serve]'", 2),
        (("status", "--deployment", "acme"), "pip install '.[aws]'", 2),
    ],
    "serve": [],
    "charts": [],
    "aws": [(("package", "{lake}/dist", "--architecture", "sparc"), "allowed are arm64, x86_64", 2)],
    "spark": [(("models", "--rebuild", "--engine", "spark"), "rebuild, 4 files added", 0)],
}


def run(*words: str | Path, cwd: Path | None = None, expected: int = 0) -> str:
    """What a command prints; raises SystemExit where it ends otherwise than expected."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DUFF_", "PYTHON", "VIRTUAL"))
    }
    done = subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != expected:
        raise SystemExit(
            f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    return done.stdout + done.stderr


def environment(folder: Path, python: str | Path, *packages: str | Path) -> Path:
    """A new environment with packages of the versions that are pinned; its folder of commands."""
    run(python, "-m", "venv", folder)
    pip = (folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "-c", CONSTRAINTS, *packages)
    return folder / "bin"


def built(folder: Path) -> tuple[Path, Path]:
    """The wheel, made of the sdist as whoever installs that would; and the sdist."""
    bin_ = environment(folder / "build", sys.executable, "build")
    run(bin_ / "python", "-m", "build", "--outdir", folder / "dist", ROOT)
    (wheel,), (sdist,) = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    return wheel, sdist


def extra(name: str, wheel: Path, folder: Path) -> None:
    """The wheel with one extra alone, or none: the samples, all commands of a day, and what the extra is for."""
    bin_ = environment(folder / "env", sys.executable, f"{wheel}[{name}]" if name else wheel)
    lake = folder / "lake"
    duff = (bin_ / "duff", "--lake", lake)
    samples = sorted(SAMPLES.glob("*.csv"))
    engine = ("--engine", "spark") if name == "spark" else ()
    run(*duff, "run", *engine, *samples, expected=1)  # one is invalid on purpose
    day: tuple[tuple[tuple[str, ...], str], ...] = (
        (("query", QUERY, "--format", "csv"), ANSWER),
        (("check", "--deep"), "all holds: 5 files, 40 rows"),
        (("rejects", "40228693a130"), "product_ccf:not_an_integer"),
        (("--version",), "duff-orders "),
    )
    for words, expected in day:
        told = run(*duff, *words)
        assert expected in told, told
    for words, expected, status in TRIES[name]:
        told = run(*duff, *(word.format(lake=lake) for word in words), expected=status)
        assert expected in " ".join(told.split()), told
    if name in SERVING:
        told = served(duff)
        assert ('<svg role="img"' in told) == SERVING[name], told[:3000]
    held = run(bin_ / "python", "-m", "pip", "check")
    assert "No broken requirements" in held, held


def served(duff: Sequence[str | Path]) -> str:
    """What was sold, as `duff serve` shows it; the API must answer, too."""
    command = [*map(str, duff), "serve", "--port", "0", "--no-watch"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = next(each for line in process.stderr if (each := re.search(r"serving (http://[^/]+)/", line)))
            with urllib.request.urlopen(f"{found[1]}/v1/reports/sales_by_channel", timeout=60) as answer:
                assert b'"Retail"' in answer.read()
            with urllib.request.urlopen(f"{found[1]}/sales?period=all", timeout=60) as answer:
                return str(answer.read().decode())
        finally:
            process.terminate()


def sdist(archive: Path, folder: Path) -> None:
    """Its own fast tests, by its own Makefile."""
    shutil.unpack_archive(archive, folder, filter="data")
    (unpacked,) = folder.iterdir()
    print(run("make", "--silent", "fast", cwd=unpacked).strip().splitlines()[-1])


def fast(python: Path, folder: Path) -> None:
    """The fast tests on another Python."""
    bin_ = environment(folder / "env", python, "-e", f"{ROOT}[dev,aws]")
    left_out = "not (slow or faults or property or spark or aws or browser)"
    print(run(bin_ / "pytest", "-q", "-p", "no:cacheprovider", "-m", left_out, cwd=ROOT).strip().splitlines()[-1])


def pythons() -> Iterator[tuple[str, Path]]:
    """Every Python that can be found, of the releases that are supported, but the one that runs this."""
    for release in RELEASES:
        found = [shutil.which(f"python{release}"), *Path.home().glob(f".pyenv/versions/{release}.*/bin/python")]
        for each in found:
            told = each and subprocess.run([each, "-c", "import venv, ensurepip"], capture_output=True, check=False)
            if each and told and told.returncode == 0 and sys.version_info[:2] != tuple(map(int, release.split("."))):
                yield f"python{release}", Path(each)
                break


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="duff-matrix-") as name:
        folder = Path(name)
        wheel, archive = built(folder / "built")
        jobs: dict[str, Callable[[Path], None]] = {}
        for each in TRIES:
            jobs[each or "base"] = lambda place, each=each: extra(each, wheel, place)  # type: ignore[misc]
        jobs["sdist"] = lambda place: sdist(archive, place)
        for release, python in pythons():
            jobs[release] = lambda place, python=python: fast(python, place)  # type: ignore[misc]
        unknown = set(sys.argv[1:]) - jobs.keys()
        if unknown:
            raise SystemExit(f"no job {', '.join(sorted(unknown))}; jobs: {', '.join(jobs)}")
        for job in sys.argv[1:] or jobs:
            began = time.monotonic()
            (folder / job).mkdir()
            jobs[job](folder / job)
            print(f"ok: {job}, {time.monotonic() - began:.0f} s", flush=True)
            shutil.rmtree(folder / job)


if __name__ == "__main__":
    main()
