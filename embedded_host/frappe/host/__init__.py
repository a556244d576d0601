"""The parts behind `frappe/__init__.py`. Apps import `frappe`, never these modules."""
