from setuptools import find_packages, setup

setup(
	name="crm",
	version="0.1.0",
	description="Opportunities of a small company",
	packages=find_packages(include=["crm", "crm.*"]),
	include_package_data=True,
	zip_safe=False,
)
