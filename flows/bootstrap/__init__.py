"""What ``apex bootstrap`` does: the Prefect server comes to hold what ``deploy/`` says, no more and no less of it.

Why it is shaped like this: every part is read from the server first and only written when it differs, so that a
second call changes nothing, a call that was cut short is made good by the next one, and what only the server knows (a
pool that is paused, a night that is skipped, a schedule or an automation that somebody switched off) outlives it.
Removing comes last: until then everything that is needed is there.
"""
