"""Write the tables that follow from the code: the solvers, and the files to read first.

`python docs/write_tables.py` brings docs/solvers.md and README.md up to date.
"""

import ast
import inspect
from pathlib import Path

from softmax_reg.solvers import SOLVERS

ROOT = Path(__file__).parents[1]
# Who reads these files, in this order, knows how a fit works.
READING_LIST = (
    "functional/probabilities.py",
    "objective/linear_model.py",
    "penalties/elastic_net.py",
    "objective/penalised_loss.py",
    "objective/point.py",
    "solvers/gradient_descent.py",
    "solvers/minimize.py",
)


def solvers() -> list[str]:
    """Return the rows of the table of the solvers."""
    rows = ["| `solver` | method | L1 | when |", "|---|---|---|---|"]
    for name, kind in SOLVERS.items():
        method = _first_line(inspect.getdoc(kind)).replace(", for smooth penalties", "")
        rows.append(f'| `"{name}"` | {method} | {_yes(not kind.needs_smooth)} | {kind.when} |')
    return rows


def files() -> list[str]:
    """Return the rows of the table of the files to read first, with their lines."""
    rows, total = ["| file | what it is | lines |", "|---|---|---:|"], 0
    for name in READING_LIST:
        text = (ROOT / "softmax_reg" / name).read_text(encoding="utf-8")
        what, n_lines = _first_line(ast.get_docstring(ast.parse(text))), len(text.splitlines())
        rows.append(f"| [`{name}`](softmax_reg/{name}) | {what} | {n_lines} |")
        total += n_lines
    return [*rows, f"| in all | | {total} |"]


def with_table(text: str, rows: list[str]) -> str:
    """Return a text with these rows in place of the table that has the same header."""
    lines = text.split("\n")
    start = lines.index(rows[0])
    return "\n".join([*lines[:start], *rows, *lines[lines.index("", start) :]])


def pages() -> dict[Path, str]:
    """Return each page that has such a table, as it should be."""
    tables = {ROOT / "docs" / "solvers.md": solvers(), ROOT / "README.md": files()}
    return {page: with_table(page.read_text("utf-8"), rows) for page, rows in tables.items()}


def _first_line(doc: str | None) -> str:
    return (doc or "").partition("\n")[0].rstrip(".")


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
