"""The demo's table: each message, what it became, and why, wrapped to the width of the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from itertools import zip_longest
from textwrap import wrap

GREEN, RED, DIM, BOLD, PLAIN = "\033[32m", "\033[31m", "\033[2m", "\033[1m", "\033[0m"
HEADINGS = ("", "Message", "Account", "Became", "Why")


def styled(text: str, style: str) -> str:
	"""``text`` in a colour, where there is a terminal to show it."""
	return f"{style}{text}{PLAIN}" if sys.stdout.isatty() else text


def widths(total: int) -> list[int]:
	"""The widths of the columns: the message and the reason share what the others leave of ``total`` characters."""
	room = max(total, 80) - 4 - 10 - 23 - 2 * (len(HEADINGS) - 1)
	message = 45 * room // 100
	return [4, message, 10, 23, room - message]


def shortened(text: str, width: int) -> str:
	"""``text`` on one line of at most ``width`` characters."""
	return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def message_width() -> int:
	"""The width of the column of messages on this terminal."""
	return widths(terminal_width())[1]


def terminal_width() -> int:
	return shutil.get_terminal_size((132, 24)).columns


def lines(cells: Sequence[str], room: Sequence[int]) -> list[str]:
	"""One row, as many lines as its longest cell needs."""
	columns = [
		[line for part in cell.split("\n") for line in wrap(part, width) or [""]] for cell, width in zip(cells, room, strict=True)
	]
	rows = zip_longest(*columns, fillvalue="")
	return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, room, strict=True)).rstrip() for row in rows]


def show(rows: Sequence[tuple[Sequence[str], Sequence[str]]]) -> None:
	"""Print the table. Each row is its cells and its problems; a row with problems is red and says them below."""
	room = widths(terminal_width())
	print(styled(lines(HEADINGS, room)[0], BOLD))
	print("-" * (sum(room) + 2 * (len(room) - 1)))
	for cells, problems in rows:
		for line in lines(cells, room):
			print(styled(line, RED) if problems else line)
		for problem in problems:
			print(styled(f"      wrong: {problem}", RED))
