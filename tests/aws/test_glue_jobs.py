"""The two Glue jobs as Glue runs them: their scripts and the library's zip, and nothing that Glue lacks."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from duff_orders.aws.arguments import job_arguments
from duff_orders.aws.package import package_jobs
from duff_orders.local.check import check
from tests.aws.emulator.glue_run import Lacking
from tests.effort import PATIENCE
from tests.lakes import open_lake
from tests.spark import QUICK_JAVA, told

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
SAMPLES = Path(__file__).parents[2] / "samples"

CONF = {
    "spark.driver.extraJavaOptions": QUICK_JAVA,
    "spark.log.level": "ERROR",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
}

GLUE_LACKS = f"import sys\n\n{inspect.getsource(Lacking)}\nsys.meta_path.insert(0, Lacking())\n"


def submit(folder: Path, script: Path, library: Path, *arguments: str) -> str:
    (folder / "sitecustomize.py").write_text(GLUE_LACKS)
    spark = Path(sys.executable).parent / "spark-submit"
    done = subprocess.run(
        [spark, "--master", "local[2]", *told(CONF), "--py-files", library, script, *arguments],
        env={**os.environ, "PYTHONPATH": str(folder), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.exhaustive
def test_jobs_do_the_whole_job_with_what_glue_has(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    library, transform, models = package_jobs(tmp_path / "dist")
    raw = lake.disk.path("raw/in/dirty [1].csv")
    raw.parent.mkdir(parents=True)
    raw.write_bytes((SAMPLES / "03-dirty.csv").read_bytes())
    out = submit(tmp_path, transform, library, "--lake", str(tmp_path / "lake"), "--key", "in/dirty [1].csv")
    row = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
    assert (row["engine"], row["verdict"]) == ("spark", "valid_with_rejects")
    out = submit(tmp_path, models, library, "--lake", str(tmp_path / "lake"))
    assert "kind='rebuild'" in out
    assert check(lake).problems == []


def test_the_library_is_the_same_bytes_twice(tmp_path: Path) -> None:
    first, second = (package_jobs(tmp_path / name)[0].read_bytes() for name in "ab")
    assert first == second


def test_arguments_are_those_of_glue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["job", "--lake", "here", "--JOB_NAME", "x", "--rebuild", "true"])
    assert job_arguments(["lake"], ["rebuild", "event"]) == {"lake": "here", "rebuild": "true"}
