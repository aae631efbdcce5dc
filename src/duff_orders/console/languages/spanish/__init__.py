"""The console's texts in Spanish; they say *usted*."""

from duff_orders.console.languages.spanish import correcting, pages, partners

ES: dict[str, str] = {**pages.TEXTS, **partners.TEXTS, **correcting.TEXTS}
