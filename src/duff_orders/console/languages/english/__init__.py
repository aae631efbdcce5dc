"""The console's texts in English."""

from duff_orders.console.languages.english import correcting, pages, partners

EN: dict[str, str] = {**pages.TEXTS, **partners.TEXTS, **correcting.TEXTS}
