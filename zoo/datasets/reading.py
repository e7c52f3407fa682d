"""`Reading`: how files are read that leave something to say."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the reader of a file is told.

    Args:
        label: The column of a table that holds the labels.
        text: The column of a table that holds texts; all others but the label are left out.
        categorical: Columns of a table that hold categories though they look like numbers.
        drop: Columns of a table to leave out.
        image_size: Height and width to which images are scaled.
        split: Which of an archive's splits to take: `"bydate"` for the rows `bydate_train` and
            `bydate_test`.
    """

    label: str | None = None
    text: str | None = None
    categorical: Sequence[str] = ()
    drop: Sequence[str] = ()
    image_size: Sequence[int] | None = None
    split: str | None = None

    def allow(self, path: pathlib.Path, *names: str) -> None:
        """Refuses options that mean nothing for a file.

        Raises:
            ValueError: If another option than the named ones is given.
        """
        for field in dataclasses.fields(self):
            if getattr(self, field.name) not in (None, (), []) and field.name not in names:
                raise ValueError(
                    f"{path}: the option {field.name} is not for data of this kind. "
                    f"Received: {field.name}={getattr(self, field.name)!r}"
                )
