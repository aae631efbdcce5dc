"""The predefined reports: one SQL file each, which declares what it is over, its parameters and its page.

`NAME.sql` is the question in Athena's dialect. Its head is comments: the question in words; `over star` or `over
ledger`; `page sql` where the console's SQL page shows it; for each parameter its name, type (`date`, `integer` or
`text`), bounds if there are any (of a text, its length), default and what it is; for each column that it gives its
name and type. In the text a parameter is `:name`. Routes, help, the console's list and the documents are made from
the heads.

`NAME.cube.sql` beside it asks the cubes of the serving copy the same, where they help.
"""

from duff_orders.query.reports.declared import Parameter, Report, Value, names, report, text, title

__all__ = ["Parameter", "Report", "Value", "names", "report", "text", "title"]
