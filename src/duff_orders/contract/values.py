"""How values are written: what is trimmed, what means null, how long a value may be, what separates records.

These are the contract's rules for every column of a kind; the columns themselves stand in `contract.toml`.
"""

#: Digits that an integer may have, digits before a number's point, and decimals that are kept.
INTEGER_DIGITS = 18
NUMBER_DIGITS = 8
DECIMALS = 4
#: Unicode characters that a text may have, blanks at its ends left out.
TEXT_CHARACTERS = 4096
#: Spellings of "no value" beside the empty one, compared without case.
NULL_SPELLINGS = ("null", "none", "nan", "n/a", "\\n")
#: What is trimmed from both ends of a value; what version 1 trimmed were the first three alone.
BLANKS = " \t\r\u00a0\u2007\u202f\u200b\ufeff"
DELIMITERS = (",", ";", "\t", "|")
#: Further columns of a file that corrects others: FILE_ID:LINE of the rejected row whose place a record takes, and the
#: columns, `;` between them, that it changes though nothing was wrong there.
CORRECTS, CHANGES = "duff_corrects", "duff_changes"

#: What is right by the letter and yet worth a look: published records, or order lines of several such.
REMARKS = ("lines_within_quotes", "order_line_repeated", "invisible_characters")
#: Characters of a text that nobody sees, as ranges: controls but tab, LF and CR, and blanks that look like a space.
INVISIBLE = (
    *(
        ("\x01", "\x08"),
        ("\x0b", "\x0c"),
        ("\x0e", "\x1f"),
        ("\x7f", "\xa0"),
        ("\u2007", "\u2007"),
        ("\u200b", "\u200f"),
    ),
    *(("\u2028", "\u202f"), ("\u2060", "\u2060"), ("\ufeff", "\ufeff")),
)
#: The five counts of a file, by their columns in the ledger.
COUNTS = ("rows_read", "rows_published", "rows_duplicate", "rows_rejected", "rows_withheld")
