"""Print the lower bound of each dependency of the package, as ``name==version``.

Those of pyproject.toml and of its extras `parquet` and `onnx`, which the package can use.
"""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s*>=\s*(?P<version>[0-9][0-9.]*)")


def main() -> None:
    with PYPROJECT.open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    for dependency in project["dependencies"] + extras["parquet"] + extras["onnx"]:
        match = REQUIREMENT.fullmatch(dependency)
        if match is None:
            raise SystemExit(f"expected a dependency like 'numpy>=1.26.0', got {dependency!r}")
        print(f"{match['name']}=={match['version']}")


if __name__ == "__main__":
    main()
