"""A process for the fault tests: copies a published version in small pieces, again and again.

python -m tests.export.faulty_publisher BASE SOURCE PUBLICATIONS
"""

import shutil
import sys
from pathlib import Path

from export import versions


def main(base, source, publications):
    for _ in range(int(publications)):
        with versions.staging(base, "m") as staging:
            staging.version.mkdir()
            for file in sorted(Path(source).rglob("*")):
                target = staging.version / file.relative_to(source)
                if file.is_dir():
                    target.mkdir()
                else:
                    with file.open("rb") as reader, target.open("wb") as writer:
                        shutil.copyfileobj(reader, writer, 4096)
            print(staging.commit(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
