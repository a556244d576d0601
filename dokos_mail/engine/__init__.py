"""Mail itself: connecting, receiving, reading messages.

Nothing below this package imports the host (``frappe``). Functions take and return plain data;
clocks, sockets and folders are passed in.
"""
