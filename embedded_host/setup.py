"""The embedded host. It provides the import name `frappe` and is never installed on a bench."""

from setuptools import find_packages, setup

setup(
	name="dokos-mail-embedded-host",
	version="0.1.0",
	description="The slice of the frappe API that Dokos Mail uses, on SQLite",
	license="MIT",
	packages=find_packages(include=["frappe", "frappe.*"]),
	include_package_data=True,
	package_data={
		"frappe": [
			"*.txt",
			"*/doctype/*/*.json",
			"*/workspace/*/*.json",
			"www/**/*",
			"public/**/*",
			"templates/**/*",
			"translations/*.csv",
		]
	},
	python_requires=">=3.10",
	install_requires=[
		"Werkzeug>=3.0,<4",
		"Jinja2>=3.1,<4",
		"PyPika>=0.48,<0.60",
		"croniter>=2,<8",
		"cryptography>=42",
		"huey>=2.5,<4",
		"click>=8.1,<9",
		"nh3>=0.2.15,<0.4",
		"python-dateutil>=2.8,<5",
		"tzdata",
	],
	entry_points={"console_scripts": ["bench=frappe.bench:run"]},
)
