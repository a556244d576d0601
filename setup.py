"""What a bench installs: the package ``dokos_mail`` alone.

``frappe`` is not a requirement for pip: a bench brings its own, and what PyPI has under that name is an empty
placeholder. Ranges are wide on purpose, because a bench pins most of its packages itself.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "dokos_mail" / "__init__.py").read_text(encoding="utf-8"))[1]

setup(
	name="dokos_mail",
	version=VERSION,
	description="Receives and sends mail for Dokos and Frappe, loses none, and says why each one is where it is",
	long_description=(HERE / "README.md").read_text(encoding="utf-8"),
	long_description_content_type="text/markdown",
	license="MIT",
	python_requires=">=3.10",
	packages=find_packages(include=["dokos_mail", "dokos_mail.*"]),
	include_package_data=True,
	zip_safe=False,
	install_requires=[
		"css-inline>=0.18,<1",
		"flufl.bounce>=4,<7",
		"idna>=2.8,<4",
		"nh3>=0.2.15,<1",
	],
)
