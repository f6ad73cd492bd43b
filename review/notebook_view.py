"""What a notebook shows of runs: as HTML, and as text where there is none.

Everything is escaped, nothing runs, and nothing is loaded. Colours are those of the notebook, which
may be light or dark.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from schemas.errors import printable

_LINE = "1px solid color-mix(in srgb, currentColor 30%, transparent)"
_CELL = f"padding:.25em 1em .25em 0;border-bottom:{_LINE};vertical-align:top;"
_FRAME = "width:100%;border:0;color-scheme:light dark;"


@dataclass(frozen=True)
class Table:
    """Rows under headings.

    Attributes:
        headings: of the columns.
        rows: as many cells each.
        numbers: columns that are aligned at the right.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Collection[int] = ()

    def html(self) -> Markup:
        """Returns it as HTML."""
        cells = Markup("").join(self._html_cell("th", n, h) for n, h in enumerate(self.headings))
        body = Markup("").join(
            Markup("<tr>{}</tr>").format(
                Markup("").join(self._html_cell("td", n, cell) for n, cell in enumerate(row))
            )
            for row in self.rows
        )
        return Markup(
            '<div style="overflow-x:auto"><table style="border-collapse:collapse;color:inherit">'
            "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
        ).format(cells, body)

    def text(self) -> str:
        """Returns it as lines, the cells one below the other."""
        lines = [list(map(_one_line, row)) for row in (self.headings, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if number in self.numbers else cell.ljust(width)
                for number, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def _html_cell(self, kind: str, number: int, text: str) -> Markup:
        align = "right" if number in self.numbers else "left"
        return Markup('<{0} style="{1}text-align:{2}">{3}</{0}>').format(kind, _CELL, align, text)


@dataclass(frozen=True)
class View:
    """A heading with what is said under it.

    Attributes:
        heading: what this is about.
        lines: sentences; spaces at their beginnings are kept.
        table: below them, or None.
        note: below all, or empty.
    """

    heading: str
    lines: Sequence[str] = ()
    table: Table | None = None
    note: str = ""

    def _repr_html_(self) -> str:
        """Returns it as Jupyter shows it."""
        lines = Markup("").join(
            Markup('<div style="white-space:pre-wrap">{}</div>').format(line) for line in self.lines
        )
        table = self.table.html() if self.table else Markup("")
        note = Markup("<p><small>{}</small></p>").format(self.note) if self.note else Markup("")
        return str(
            Markup('<section style="color:inherit"><h4>{}</h4>{}{}{}</section>').format(
                self.heading, lines, table, note
            )
        )

    def __repr__(self) -> str:
        """Returns it as a terminal shows it."""
        parts = [_one_line(self.heading), *map(printable, self.lines)]
        if self.table:
            parts += ["", self.table.text()]
        if self.note:
            parts += ["", self.note]
        return "\n".join(parts)


@dataclass(frozen=True)
class Page:
    """A page of its own, shown in a frame that runs nothing and knows nothing of the notebook.

    Attributes:
        heading: what this is about.
        text: what a terminal shows instead.
        html: the page.
        height: of the frame, in pixels.
    """

    heading: str
    text: str
    html: str
    height: int = 640

    def _repr_html_(self) -> str:
        """Returns it as Jupyter shows it."""
        return str(
            Markup(
                '<iframe sandbox="" title="{}" style="{}height:{}px" srcdoc="{}"></iframe>'
            ).format(self.heading, _FRAME, self.height, self.html)
        )

    def __repr__(self) -> str:
        """Returns it as a terminal shows it."""
        return "\n".join(map(printable, (self.heading, *self.text.splitlines())))


def _one_line(text: str) -> str:
    """Keeps a text in its cell, and from steering the terminal."""
    return printable(" ".join(text.split()))
