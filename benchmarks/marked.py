"""Parts of Markdown pages that are written from results files, between two marks."""


def section(name, text):
    """The part as it stands in the page, marks included."""
    return f"<!-- {name} -->\n{text}<!-- end of {name} -->\n"


def write(page, name, text):
    """Puts the text between the marks of that name.

    Raises:
        ValueError: If the page does not have both marks, in their order.
    """
    start, end = section(name, "").splitlines(keepends=True)
    before, opened, rest = page.read_text().partition(start)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise ValueError(f"{page} has no line {start.strip()!r} with {end.strip()!r} after it")
    page.write_text(before + section(name, text) + after)
