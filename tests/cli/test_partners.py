"""`duff profile`, and the options that name a partner."""

from pathlib import Path

import pytest

from duff_orders.contract import COLUMN_NAMES
from duff_orders.profiles.profile import load
from tests.cli.commands import duff

pytestmark = pytest.mark.slow

ACME = """
prefix = "acme/"
[file]
delimiter = ";"
ignore = ["Fecha"]
[numbers]
decimal_mark = ","
thousands_mark = "."
[headers]
client_name = "Nombre"
product_price = ["Precio", "Precio unitario"]
product_ccf = "Unidades"
[values.status]
entregado = "delivered"
[defaults]
point_of_sale_channel = "Retail"
"""
HEADER = "client_id;Nombre;order_id;product_id;product_description;Precio;Unidades;product_volume;status;Fecha;Nota"
GOOD = "1;Moe;{};1;Duff;1.234,50;1.000;0,33;Entregado;x;y"
BAD = "1;Moe;99;1;Duff;0.5;6;0,33;perdido;x;y"


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """A folder with a profile and a file of the partner's; the lake is `lake` in it."""
    (tmp_path / "acme.toml").write_text(ACME, encoding="utf-8")
    lines = (HEADER, *(GOOD.format(number) for number in range(1, 4)), BAD)
    (tmp_path / "nov.csv").write_text("\n".join((*lines, "")), encoding="utf-8")
    return tmp_path


def test_a_draft_lists_the_columns_with_their_texts_and_chooses_nothing(acme: Path) -> None:
    result = duff("profile", "draft", acme / "nov.csv", "--under", "acme/")
    assert result.code == 0
    assert '#   "Precio": 1.234,50 | 0.5' in result.out
    assert '# product_price = ""' in result.out
    assert "# client_id" not in result.out
    said = load(result.out)
    assert (said.prefix, said.delimiter, said.headers) == ("acme/", ";", {})


def test_a_check_tells_the_mapping_the_verdict_the_reasons_and_what_is_not_listed(acme: Path) -> None:
    result = duff("profile", "check", acme / "acme.toml", acme / "nov.csv", DUFF_LAKE=str(acme / "none"))
    assert result.code == 0
    for said in (
        "valid_with_rejects: 1 of 4 records rejected",
        "3 good, 1 rejected",
        "product_price is Precio\n",
        "point_of_sale_channel is always Retail",
        "not listed: Nota",
        "1 × product_price:not_a_number",
        "1 × status:unknown",
    ):
        assert said in result.out
    assert not (acme / "none").exists()
    (acme / "own.csv").write_text(",".join(COLUMN_NAMES) + "\n")
    refused = duff("profile", "check", acme / "acme.toml", acme / "nov.csv", acme / "own.csv")
    assert refused.code == 1
    assert "own.csv: invalid: no header line" in refused.out


def test_a_profile_is_put_shown_listed_and_removed(acme: Path) -> None:
    def profile(*words: object) -> tuple[int, str]:
        result = duff("--lake", acme / "lake", "profile", *words)
        return result.code, result.out + result.err

    assert profile("put", acme / "acme.toml")[0] == 0
    assert profile("show", "acme") == (0, ACME)
    (acme / "acme-old.toml").write_text(ACME.replace('"acme/"', '"acme/old-"'))
    assert profile("put", acme / "acme-old.toml")[0] == 0
    listed = profile("list")[1].splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [["acme", "acme/"], ["acme-old", "acme/old-"]]
    assert listed[2].split()[-1] == "acme"
    (acme / "twin.toml").write_text(ACME)
    assert profile("put", acme / "twin.toml") == (
        2,
        "duff: acme/: the profile acme holds for this prefix; each has one of its own\n",
    )
    (acme / "bad.toml").write_text('prefix = "x"\n[headers]\nprice = "P"\n[numbers]\ndecimal_mark = "x"\n')
    code, said = profile("put", acme / "bad.toml")
    assert code == 2
    assert said.count("\n") == 3
    assert "headers.price: there is no such column" in said
    (path,) = (acme / "lake" / "processed" / "partners" / "acme").iterdir()
    path.write_text(ACME.replace("Unidades", "Stk"), encoding="utf-8")
    code, said = profile("list")
    assert code == 1
    assert f"{path.name} cannot be read: it is not as it was written" in said
    assert profile("put", acme / "acme.toml")[0] == 0  # which mends it
    assert profile("list")[0] == 0
    assert profile("rm", "acme") == (0, "acme: holds no more\n")
    assert profile("show", "acme")[0] == 2
    assert profile("put", acme / "none.toml") == (
        2,
        f"duff: {acme / 'none.toml'}: cannot be read: No such file or directory\n",
    )


def test_files_are_taken_and_taken_up_again_as_their_partner_writes(acme: Path) -> None:
    lake = acme / "lake"
    assert duff("--lake", lake, "profile", "put", acme / "acme.toml").code == 0
    result = duff("--lake", lake, "run", "--partner", "acme", acme / "nov.csv")
    assert result.code == 0
    assert "acme/nov.csv  valid_with_rejects" in result.out
    assert duff("--lake", lake, "run", "--partner", "moes", acme / "nov.csv").err.startswith("duff: no profile 'moes'")
    other = acme / "other.csv"
    other.write_text(",".join(COLUMN_NAMES) + "\n1,Moe,1,1,Duff,1,1,1,Retail,created\n")
    assert duff("--lake", lake, "run", other).code == 0
    listed = duff("--lake", lake, "files", "--partner", "acme").out
    assert "acme/nov.csv" in listed
    assert "other.csv" not in listed
    assert "acme/nov.csv" not in duff("--lake", lake, "replay", "--stale").out
    (acme / "acme.toml").write_text(ACME.replace("entregado =", 'perdido = "broken"\nentregado ='))
    assert duff("--lake", lake, "profile", "put", acme / "acme.toml").code == 0
    assert duff("--lake", lake, "replay", "--partner", "acme").code == 2
    again = duff("--lake", lake, "replay", "--stale", "--partner", "acme").out
    assert "acme/nov.csv  valid_with_rejects" in again
    assert "other.csv" not in again
    assert duff("--lake", lake, "check", "--deep").code == 0


def test_corrections_go_back_as_the_partner_writes(acme: Path) -> None:
    lake, out = acme / "lake", acme / "nov-corrected.csv"
    assert duff("--lake", lake, "profile", "put", acme / "acme.toml").code == 0
    duff("--lake", lake, "run", "--partner", "acme", acme / "nov.csv")
    file_id = duff("--lake", lake, "files").out.splitlines()[1].split()[0]
    written = duff("--lake", lake, "rejects", file_id, "--csv", out, "--locale", "en-US")
    assert f"`duff run --partner acme {out}` takes them back" in written.out
    text = out.read_text(encoding="utf-8-sig")
    assert text.splitlines()[0].startswith("client_id;Nombre;order_id;product_id;product_description;Precio;Unidades;")
    assert "point_of_sale_channel" not in text
    out.write_text(
        text.replace("?0.5", "0,5").replace("0.5;", "0,5;").replace("perdido", "Entregado"), encoding="utf-8"
    )
    result = duff("--lake", lake, "run", "--partner", "acme", out)
    assert "acme/nov-corrected.csv  valid" in result.out
    assert duff("--lake", lake, "files", "--open").out.startswith("nothing is open")
    assert duff("--lake", lake, "check", "--deep").code == 0
