"""A consistent copy of an installation while all of it runs, and the way back.

`making` writes a backup whole or not at all, `restoring` puts one in place, `manifest` names and checks its
files. From a restore on, what the older ledger does not know is looked up before it is sent.
"""
