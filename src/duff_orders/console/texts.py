"""What the console says, in English and in Spanish: two dictionaries with the same keys and the same `{places}`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from duff_orders.contract import COLUMNS, DECIMALS, NUMBER_DIGITS, STATUSES, TEXT_CHARACTERS

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

EN: dict[str, str] = {
    "language": "English",
    "skip": "Skip to the content",
    "overview": "Overview",
    "files": "Files",
    "api": "API",
    "fresh": "Newest file: {name}, {age} ago · {files} files · {rows} rows, every one accounted for · "
    "tables as of {build}",
    "fresh_none": "No file has come yet. Drop one on this page.",
    "tables_none": "no build yet",
    "is_everything_in": "Is everything in?",
    "in_today": "{files} files today, {waiting} on their way.",
    "what_broke": "What broke?",
    "broke_nothing": "Nothing: in the last 7 days every row of every file was published.",
    "broke_some": "In the last 7 days: {invalid} invalid files, {failed} failed, {rejected} rejected rows.",
    "what_to_do": "What to do?",
    "do_nothing": "Nothing.",
    "do_correct": "{rejected} of {read} rows rejected; most often {reason}.",
    "do_look": "{verdict}: {reason}",
    "correct": "Download for correction",
    "by_status": "Order lines by status",
    "by_channel": "Sales by channel",
    "status": "Status",
    "channel": "Channel",
    "orders": "Orders",
    "order_lines": "Order lines",
    "sales": "Sales",
    "drop": "Drop orders files here, or choose some:",
    "drop_corrected": "Drop the corrected file here, or choose it:",
    "uploads": "Files on their way",
    "name": "File",
    "verdict": "Verdict",
    "came": "Came",
    "size": "Size",
    "engine": "Engine",
    "rows": "Rows",
    "read": "read",
    "published": "published",
    "duplicate": "repeated",
    "rejected": "rejected",
    "withheld": "withheld",
    "sum": "{read} rows read = {published} published + {duplicate} repeated + {rejected} rejected + "
    "{withheld} withheld",
    "all_verdicts": "All",
    "older": "Older files",
    "newest": "Newest files",
    "none_here": "No files.",
    "reasons": "Why rows were rejected",
    "reason": "Reason",
    "allowed": "What is allowed",
    "rejected_rows": "Rejected rows",
    "more_rows": "The first {shown} of {all}; the download holds them all.",
    "whole_record": "The whole text of the record",
    "details": "For the engineer",
    "revision": "Revision",
    "finished": "Verdict written",
    "not_found": "There is nothing here.",
    "back": "Back to the overview",
    "as_json": "As JSON",
    "verdict_valid": "valid",
    "verdict_valid_with_rejects": "valid, some rows rejected",
    "verdict_invalid": "invalid",
    "verdict_duplicate": "known already",
    "verdict_failed": "failed",
    "said_valid": "Every row of {name} is published.",
    "said_valid_with_rejects": "{published} rows of {name} are published, {rejected} are rejected and can be "
    "corrected.",
    "said_invalid": "{name} is not published: {reason}",
    "said_duplicate": "{name} holds what another file held: it was published from there, and counts once.",
    "said_failed": "{name} could not be processed; it is not published, and will be taken up again by a replay.",
    "stage_received": "received",
    "stage_waiting": "waiting for its turn",
    "stage_decided": "{verdict}, not in the tables yet",
    "stage_tables": "{verdict}, in the tables",
    "stage_sending": "sending",
    "stage_refused": "refused",
    "reason_missing": "no value",
    "reason_not_an_integer": "no whole number",
    "reason_not_a_number": "no number",
    "reason_negative": "less than zero",
    "reason_out_of_range": "out of range",
    "reason_too_precise": "too many decimals",
    "reason_too_long": "too long",
    "reason_unknown": "not one of the allowed words",
    "reason_wrong_field_count": "too many or too few fields",
    "reason_malformed_quotes": "quotes in the wrong place",
    "reason_unclosed_quote": "a quote that never closes",
    "reason_other": "breaks a rule",
    "allowed_integer": "a whole number of {minimum} or more",
    "allowed_integer_to": "a whole number from {minimum} to {maximum}",
    "allowed_number": "a number of 0 or more, at most {digits} digits before the mark and {decimals} after it",
    "allowed_number_above": "a number above 0, at most {digits} digits before the mark and {decimals} after it",
    "allowed_text": "a text of up to {characters} characters",
    "allowed_status": "one of {statuses}",
    "allowed_record": "as many fields as the header has, quotes only around whole fields",
    "age_seconds": "{n} s",
    "age_minutes": "{n} min",
    "age_hours": "{n} h",
    "age_days": "{n} days",
}

ES: dict[str, str] = {
    "language": "Español",
    "skip": "Ir al contenido",
    "overview": "Resumen",
    "files": "Archivos",
    "api": "API",
    "fresh": "Último archivo: {name}, hace {age} · {files} archivos · {rows} filas, todas contadas · tablas al {build}",
    "fresh_none": "Aún no ha llegado ningún archivo. Suelte uno en esta página.",
    "tables_none": "sin construir",
    "is_everything_in": "¿Llegó todo?",
    "in_today": "{files} archivos hoy, {waiting} en camino.",
    "what_broke": "¿Qué falló?",
    "broke_nothing": "Nada: en los últimos 7 días se publicó cada fila de cada archivo.",
    "broke_some": "En los últimos 7 días: {invalid} archivos inválidos, {failed} fallidos, {rejected} filas "
    "rechazadas.",
    "what_to_do": "¿Qué hacer?",
    "do_nothing": "Nada.",
    "do_correct": "{rejected} de {read} filas rechazadas; lo más frecuente: {reason}.",
    "do_look": "{verdict}: {reason}",
    "correct": "Descargar para corregir",
    "by_status": "Líneas de pedido por estado",
    "by_channel": "Ventas por canal",
    "status": "Estado",
    "channel": "Canal",
    "orders": "Pedidos",
    "order_lines": "Líneas",
    "sales": "Ventas",
    "drop": "Suelte aquí archivos de pedidos, o elija algunos:",
    "drop_corrected": "Suelte aquí el archivo corregido, o elíjalo:",
    "uploads": "Archivos en camino",
    "name": "Archivo",
    "verdict": "Veredicto",
    "came": "Llegó",
    "size": "Tamaño",
    "engine": "Motor",
    "rows": "Filas",
    "read": "leídas",
    "published": "publicadas",
    "duplicate": "repetidas",
    "rejected": "rechazadas",
    "withheld": "retenidas",
    "sum": "{read} filas leídas = {published} publicadas + {duplicate} repetidas + {rejected} rechazadas "
    "+ {withheld} retenidas",
    "all_verdicts": "Todos",
    "older": "Archivos anteriores",
    "newest": "Archivos más recientes",
    "none_here": "No hay archivos.",
    "reasons": "Por qué se rechazaron filas",
    "reason": "Motivo",
    "allowed": "Qué se permite",
    "rejected_rows": "Filas rechazadas",
    "more_rows": "Las primeras {shown} de {all}; la descarga las tiene todas.",
    "whole_record": "El texto completo del registro",
    "details": "Para ingeniería",
    "revision": "Revisión",
    "finished": "Veredicto escrito",
    "not_found": "Aquí no hay nada.",
    "back": "Volver al resumen",
    "as_json": "Como JSON",
    "verdict_valid": "válido",
    "verdict_valid_with_rejects": "válido, con filas rechazadas",
    "verdict_invalid": "inválido",
    "verdict_duplicate": "ya conocido",
    "verdict_failed": "fallido",
    "said_valid": "Cada fila de {name} está publicada.",
    "said_valid_with_rejects": "{published} filas de {name} están publicadas; {rejected} están rechazadas "
    "y se pueden corregir.",
    "said_invalid": "{name} no está publicado: {reason}",
    "said_duplicate": "{name} contiene lo mismo que otro archivo: se publicó desde allí y cuenta una vez.",
    "said_failed": "{name} no se pudo procesar; no está publicado y una repetición lo retomará.",
    "stage_received": "recibido",
    "stage_waiting": "esperando su turno",
    "stage_decided": "{verdict}, aún no en las tablas",
    "stage_tables": "{verdict}, en las tablas",
    "stage_sending": "enviando",
    "stage_refused": "no aceptado",
    "reason_missing": "sin valor",
    "reason_not_an_integer": "no es un número entero",
    "reason_not_a_number": "no es un número",
    "reason_negative": "menor que cero",
    "reason_out_of_range": "fuera de rango",
    "reason_too_precise": "demasiados decimales",
    "reason_too_long": "demasiado largo",
    "reason_unknown": "no es una de las palabras permitidas",
    "reason_wrong_field_count": "campos de más o de menos",
    "reason_malformed_quotes": "comillas mal puestas",
    "reason_unclosed_quote": "una comilla que no se cierra",
    "reason_other": "incumple una regla",
    "allowed_integer": "un número entero de {minimum} o más",
    "allowed_integer_to": "un número entero de {minimum} a {maximum}",
    "allowed_number": "un número de 0 o más, con hasta {digits} cifras antes de la marca y {decimals} después",
    "allowed_number_above": "un número mayor que 0, con hasta {digits} cifras antes de la marca y {decimals} después",
    "allowed_text": "un texto de hasta {characters} caracteres",
    "allowed_status": "uno de {statuses}",
    "allowed_record": "tantos campos como el encabezado, comillas solo alrededor de campos enteros",
    "age_seconds": "{n} s",
    "age_minutes": "{n} min",
    "age_hours": "{n} h",
    "age_days": "{n} días",
}

TEXTS: Mapping[Language, Mapping[str, str]] = {"en": EN, "es": ES}


def chosen(cookie: str | None, accept: str | None) -> Language:
    """The reader's language: the cookie's, else the first of `Accept-Language` that there is, else English."""
    if cookie in LANGUAGES:
        return "es" if cookie == "es" else "en"
    for part in (accept or "").split(","):
        code = part.strip().partition(";")[0].partition("-")[0].lower()
        if code in LANGUAGES:
            return "es" if code == "es" else "en"
    return "en"


class Words:
    """One language: texts by key, and numbers, days and ages as its readers write them."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **places: object) -> str:
        """The text of a key; whole numbers in its places are written with separators."""
        shown = {name: self.number(value) if isinstance(value, int) else value for name, value in places.items()}
        return TEXTS[self.language][key].format(**shown)

    def number(self, value: int | str) -> str:
        """A whole number, or the digits of a decimal: `1,234.5600`, in Spanish `1.234,5600`."""
        whole, mark, digits = str(value).partition(".")
        text = f"{int(whole):,}{mark}{digits}"
        return text.translate(str.maketrans(",.", ".,")) if self.language == "es" else text

    def age(self, since: datetime, now: datetime) -> str:
        """How long ago something was."""
        seconds = max(0, int((now - since) / timedelta(seconds=1)))
        for unit, length, below in (("seconds", 1, 90), ("minutes", 60, 5400), ("hours", 3600, 172_800)):
            if seconds < below:
                return self(f"age_{unit}", n=seconds // length)
        return self("age_days", n=seconds // 86_400)

    def moment(self, value: datetime) -> str:
        """A time in UTC."""
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def verdict(self, verdict: str) -> str:
        """A verdict."""
        return self(f"verdict_{verdict}")

    def reason(self, code: str) -> str:
        """What a rule's code means."""
        key = f"reason_{code}"
        return self(key if key in EN else "reason_other")

    def allowed(self, column: str) -> str:
        """What may stand in a column, from the contract; of a record as a whole where it is none of the columns."""
        found = next((each for each in COLUMNS if each.name == column), None)
        if found is None:
            return self("allowed_record")
        if found.kind == "integer":
            key = "allowed_integer" if found.maximum is None else "allowed_integer_to"
            return self(key, minimum=found.minimum or 0, maximum=found.maximum or 0)
        if found.kind == "number":
            key = "allowed_number_above" if found.exclusive else "allowed_number"
            return self(key, digits=NUMBER_DIGITS, decimals=DECIMALS)
        if found.kind == "status":
            return self("allowed_status", statuses=", ".join(STATUSES))
        return self("allowed_text", characters=TEXT_CHARACTERS)
