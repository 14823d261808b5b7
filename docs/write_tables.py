"""Write the table of solvers into solvers.md, from what each of them says of itself."""

import inspect
from pathlib import Path

from softmax_reg.solvers import SOLVERS

PAGE = Path(__file__).parent / "solvers.md"
HEAD = "| `solver` | method | L1 | when |\n|---|---|---|---|\n"


def with_table(text: str) -> str:
    """Return the text of the page with the table as it should be."""
    before, head, rest = text.partition(HEAD)
    after = rest.partition("\n\n")[2]
    return f"{before}{head}{rows()}\n\n{after}"


def rows() -> str:
    """Return a row for each solver that has a name."""
    return "\n".join(
        f'| `"{name}"` | {_method(kind)} | {"no" if kind.needs_smooth else "yes"} | {kind.when} |'
        for name, kind in SOLVERS.items()
    )


def _method(kind: type) -> str:
    first, _, _ = inspect.cleandoc(kind.__doc__ or "").partition("\n")
    return first.rstrip(".").replace(", for smooth penalties", "")


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
