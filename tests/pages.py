"""The pages that users read: README.md and those in docs/, and those of folders; their code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
EXAMPLES_PAGE = ROOT / "examples" / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md")), EXAMPLES_PAGE]


def fenced_blocks(page, language):
    """Return the contents of the fenced blocks of one language, in their order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\s*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def table_rows(page, first_cell):
    """Return the cells of each row of the table whose header begins with the given cell."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_cell}".rstrip()))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return [rows[0], *rows[2:]]
