"""``mail-listen``: one process that learns of new mail when it arrives, and has it pulled at once."""
