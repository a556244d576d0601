"""Reading mailboxes: which messages to fetch, and fetching them to disk without changing anything."""
