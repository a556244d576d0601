"""One message's way in: fetch -> journal -> process (parse, place, store) -> acknowledge.

``pull`` is the way's conductor; each other module is one step of it. What is guaranteed, whatever dies when: a
message the server handed over is never lost, and never stored twice for one account. See :mod:`.journal`.
"""
