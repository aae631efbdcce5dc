"""The contract, and what a profile may say, in the standard forms of others: JSON Schema, ODCS, Table Schema."""

import json
import re
from collections.abc import Iterator
from typing import Any

from duff_orders.contract import (
    CONTRACT,
    DELIMITERS,
    INTEGER_DIGITS,
    NULL_SPELLINGS,
    STATUSES,
    TABLES,
    TEXT_CHARACTERS,
    VERSION,
    Column,
    Field,
)
from duff_orders.profiles.profile import (
    DAYS,
    DECIMAL_MARKS,
    MOST_CHARACTERS,
    MOST_NAMES,
    MOST_WORDS,
    PREFIX_ENDS,
    THOUSANDS_MARKS,
    Profile,
)

_TEXT = {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS}
_NAMES = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": MOST_NAMES}]}


def json_schema() -> str:
    """What a profile may say, for editors (JSON Schema 2020-12): each text by itself; `load` checks them together."""
    optional = [column.name for column in CONTRACT.optional]
    words = {column.name: _words(column) for column in CONTRACT.columns if column.words}
    defaults = [column for column in CONTRACT.columns if column.may_default or not column.required]
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A partner's profile, version {VERSION} of the orders contract",
        **_table(
            {
                "prefix": {
                    "type": "string",
                    "pattern": f"[{re.escape(''.join(PREFIX_ENDS))}]$",
                    "maxLength": 200,
                    "description": "What the keys of the partner's files begin with",
                },
                "max_reject_share": {
                    "type": "string",
                    "pattern": "^(0([.][0-9]+)?|1([.]0+)?)$",
                    "description": 'The greatest share of rejected rows, such as "0.1"',
                },
                "require": {
                    "type": "array",
                    "items": {"enum": optional} if optional else {"type": "string"},
                    **({} if optional else {"maxItems": 0}),
                    "description": "Columns that the contract does not ask for, and that this partner must send",
                },
                "file": _table(
                    {
                        "delimiter": {"enum": [*DELIMITERS], "description": "The only delimiter then"},
                        "ignore": {**_NAMES, "description": "Further columns that are known and not needed"},
                        "extra_columns": {
                            "enum": ["ignore", "refuse"],
                            "description": "refuse: any other further column makes a file invalid",
                        },
                    }
                ),
                "numbers": _table(
                    {
                        "decimal_mark": {"enum": [*DECIMAL_MARKS], "description": "The only decimal mark then"},
                        "thousands_mark": {
                            "enum": [*THOUSANDS_MARKS],
                            "description": "What may stand between groups of exactly three digits",
                        },
                    },
                    "decimal_mark",
                ),
                "headers": _table({each.name: {**_NAMES, "description": each.comment} for each in CONTRACT.columns}),
                "values": _table(words),
                "defaults": _table({each.name: _default(each) for each in defaults}),
                "notify": _table({"email": {"type": "string", "format": "email", "maxLength": 254}}),
                "expect": _table(
                    {
                        "zone": {"type": "string", "description": "Such as Europe/Madrid"},
                        "days": {"type": "array", "items": {"enum": [*DAYS]}, "minItems": 1, "uniqueItems": True},
                        "by": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
                        "grace_minutes": {"type": "integer", "minimum": 0, "maximum": 1440},
                        "files": {"type": "integer", "minimum": 1, "maximum": 1000},
                        "except": {"type": "array", "items": {"type": "string", "format": "date"}},
                        "since": {"type": "string", "format": "date"},
                    },
                    "zone",
                    "days",
                    "by",
                ),
            },
            "prefix",
        ),
    }
    return _json(document)


def _table(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    document = {"type": "object", "properties": properties, "additionalProperties": False}
    return document | ({"required": [*required]} if required else {})


def _words(column: Column) -> dict[str, Any]:
    value = {"enum": [*STATUSES]} if column.kind == "status" else _TEXT
    return {
        "type": "object",
        "maxProperties": MOST_WORDS,
        "propertyNames": _TEXT,
        "additionalProperties": value,
        "description": f"Words for values of {column.name}",
    }


def _default(column: Column) -> dict[str, Any]:
    if column.kind == "status":
        return {"enum": [*STATUSES], "description": column.comment}
    if column.kind == "text":
        return {**_TEXT, "description": column.comment}
    return {"type": ["string", "integer"], "description": column.comment}


def odcs() -> str:
    """The tables as a data contract of the Open Data Contract Standard (v3.1.0, YAML)."""
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "duff-orders",
        "name": "Orders",
        "version": f"{VERSION}.0.0",
        "status": "active",
        "description": {
            "purpose": "Orders of partners, each row of each file accounted for, and the star schema that they make.",
            "limitations": "A version only adds: optional columns and statuses, at the end.",
        },
        "schema": [
            {
                "name": table.name,
                "physicalName": table.name,
                "physicalType": "table",
                "logicalType": "object",
                "description": table.comment,
                "properties": [_property(each, partition=each.name == "pa_date") for each in table.all_fields],
            }
            for table in TABLES.values()
        ],
    }
    return "".join(f"{line}\n" for line in _yaml(document))


_LOGICAL = {"string": "string", "bigint": "integer", "int": "integer", "date": "date", "timestamp": "timestamp"}


def _property(field: Field, *, partition: bool) -> dict[str, Any]:
    column = next((each for each in CONTRACT.columns if each.name == field.name), None)
    told: dict[str, Any] = {"name": field.name, "physicalType": field.type, "description": field.comment}
    if field.type.startswith("array"):
        told |= {"logicalType": "array", "items": {"logicalType": "string", "physicalType": "string"}}
    elif field.type.startswith("struct"):
        parts = (part.partition(":") for part in field.type.removeprefix("struct<").removesuffix(">").split(","))
        told |= {
            "logicalType": "object",
            "properties": [
                {"name": name, "logicalType": _LOGICAL[kind], "physicalType": kind} for name, _, kind in parts
            ],
        }
    else:
        told["logicalType"] = _LOGICAL.get(field.type, "number")
    if partition:
        told |= {"partitioned": True, "partitionKeyPosition": 1}
    if column is not None and field.type == column.type and field.comment == column.comment:
        told["required"] = column.required
        options = _limits(column)
        if options:
            told["logicalTypeOptions"] = options
        if column.aliases:
            told["customProperties"] = [{"property": "aliases", "value": column.aliases}]
    return told


def _limits(column: Column) -> dict[str, Any]:
    if column.kind == "status":
        return {"pattern": f"^({'|'.join(STATUSES)})$"}
    if column.kind == "text":
        return {"maxLength": TEXT_CHARACTERS}
    least = {} if column.minimum is None else {"exclusiveMinimum" if column.exclusive else "minimum": column.minimum}
    return least | ({} if column.maximum is None else {"maximum": column.maximum})


def table_schema(profile: Profile | None = None) -> str:
    """An orders file as a Table Schema (Frictionless, v2), as the contract has it or as a partner writes it."""
    fields = []
    for column in CONTRACT.columns:
        if profile is not None and column.name in profile.defaults:
            continue
        names = profile.headers.get(column.name) if profile else None
        told: dict[str, Any] = {
            "name": names[0] if names else column.name,
            "title": column.name,
            "description": column.comment,
            "type": {"integer": "integer", "number": "number"}.get(column.kind, "string"),
        }
        if profile is not None and column.kind in ("integer", "number"):
            if column.kind == "number" and profile.decimal_mark:
                told["decimalChar"] = profile.decimal_mark
            if profile.thousands_mark:
                told["groupChar"] = profile.thousands_mark
        constraints: dict[str, Any] = {"required": column.required}
        if column.kind == "status":
            words = profile.values.get(column.name, {}) if profile else {}
            constraints["enum"] = [*STATUSES, *words]
        elif column.kind == "text":
            constraints["maxLength"] = TEXT_CHARACTERS
        else:
            limits = {"maximum": 10**INTEGER_DIGITS - 1} if column.kind == "integer" else {}
            constraints |= limits | _limits(column)
        told["constraints"] = constraints
        fields.append(told)
    return _json(
        {
            "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
            "fields": fields,
            "fieldsMatch": "superset",
            "missingValues": ["", *NULL_SPELLINGS],
        }
    )


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _yaml(value: Any, indent: str = "") -> Iterator[str]:
    """A document of dictionaries, lists, texts and numbers as YAML, in blocks; its scalars are as JSON writes them."""
    for key, each in value.items() if isinstance(value, dict) else ((None, item) for item in value):
        start = f"{indent}- " if key is None else f"{indent}{key}:"
        if isinstance(each, dict) and key is None:
            first, *rest = _yaml(each, indent + "  ")
            yield start + first.lstrip()
            yield from rest
        elif isinstance(each, dict | list):
            yield start.rstrip()
            yield from _yaml(each, indent + "  ")
        else:
            yield f"{start}{'' if key is None else ' '}{json.dumps(each, ensure_ascii=False)}"
