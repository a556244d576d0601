"""Conditions on a message, as an administrator writes them: one Jinja expression, in a sandbox.

``"devis" in subject | lower and not is_robot``. Unknown names are errors, not silently false.
"""

from __future__ import annotations

from functools import lru_cache

from jinja2 import StrictUndefined, TemplateError
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .model import Message

#: Longest expression: what is longer belongs into an app's hook.
MOST_CHARACTERS = 2_000
#: Largest number in one, written or computed.
LARGEST_NUMBER = 1_000_000
_MOST_TEXT = 100_000


class ConditionBroken(ValueError):
	"""A condition that cannot be read or evaluated; the text says why."""


def facts(message: Message, authentication: str = "unknown", folder: str = "") -> dict[str, object]:
	"""What a condition may speak of. ``headers`` by their names in lower case, the first of each."""
	sender = message.from_[0] if message.from_ else None
	headers: dict[str, str] = {}
	for name, value in message.headers:
		headers.setdefault(name.lower(), value)
	return {
		"subject": message.subject,
		"sender": sender.address if sender else "",
		"sender_name": sender.name if sender else "",
		"domain": sender.address.rpartition("@")[2].lower() if sender else "",
		"to": [address.address for address in message.to],
		"cc": [address.address for address in message.cc],
		"text": (message.text or "")[:_MOST_TEXT],
		"headers": headers,
		"attachments": [attachment.name for attachment in message.attachments],
		"is_robot": message.auto_submitted,
		"is_list": "list-id" in headers,
		"authentication": authentication,
		"folder": folder,
	}


def holds(expression: str, values: dict[str, object]) -> bool:
	"""Whether a message meets the condition. Raises ConditionBroken with the reason when that cannot be said."""
	compiled = _compiled(expression)
	try:
		return bool(compiled(**values))
	except Exception as error:
		# An expression is code: whatever it raises is its own fault.
		raise ConditionBroken(f"{type(error).__name__}: {error}"[:300]) from error


def check(expression: str) -> None:
	"""Raise ConditionBroken for an expression that cannot be read, or that fails on an empty message."""
	holds(expression, facts(Message(headers=[])))


class _Environment(ImmutableSandboxedEnvironment):
	"""Keeps a slip of the pen (``2 ** 10 ** 10``) from holding the save, and then every mail, for ever.

	Not more than that: who may write an expression is trusted with what it costs.
	"""

	intercepted_binops = frozenset(("*", "**", "%"))

	def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
		"""Numbers alone, and none so large that it takes time or memory."""
		if not (isinstance(left, int | float) and isinstance(right, int | float)):
			raise SecurityError(f"{operator} is for numbers only")
		if operator == "**" and abs(right) > 20:
			raise SecurityError("the number is too large")
		result = super().call_binop(context, operator, left, right)
		if abs(result) > LARGEST_NUMBER:
			raise SecurityError("the number is too large")
		return result


@lru_cache(maxsize=64)
def _compiled(expression: str) -> TemplateExpression:
	if len(expression) > MOST_CHARACTERS:
		raise ConditionBroken(f"more than {MOST_CHARACTERS} characters")
	environment = _Environment(undefined=StrictUndefined)
	try:
		compiled = environment.compile_expression(expression.strip(), undefined_to_none=False)
		named = find_undeclared_variables(environment.parse("{{ (" + expression + ") }}"))
	except (TemplateError, RecursionError) as error:
		raise ConditionBroken(f"{type(error).__name__}: {error}"[:300]) from error
	if unknown := sorted(named.difference(_NAMES, environment.globals)):
		# Found now, not only when the rest of the expression lets it be reached.
		raise ConditionBroken(", ".join(unknown) + "?")
	return compiled


_NAMES = frozenset(facts(Message()))
