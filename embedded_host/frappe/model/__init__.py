"""Which fields every document has, and which fieldtypes hold what."""

from __future__ import annotations

default_fields = ("doctype", "name", "owner", "creation", "modified", "modified_by", "docstatus", "idx")
child_table_fields = ("parent", "parentfield", "parenttype")
optional_fields = ("_user_tags", "_comments", "_assign", "_liked_by", "_seen")
table_fields = ("Table", "Table MultiSelect")
display_fieldtypes = ("Section Break", "Column Break", "Tab Break", "HTML", "Button", "Image", "Fold", "Heading")
float_like_fields = ("Float", "Currency", "Percent", "Rating", "Duration")
datetime_fields = ("Datetime", "Date", "Time")
