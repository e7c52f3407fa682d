"""What the command lines share: one-line errors, exit codes, tables or JSON."""

from console.group import Group
from console.output import json_option, print_result, print_table
from console.quiet import quiet_start, start_tensorflow

__all__ = [
    "Group",
    "json_option",
    "print_result",
    "print_table",
    "quiet_start",
    "start_tensorflow",
]
