"""Makes a consistent copy of a running installation, and restores it.

`making` writes a backup whole or not at all, `restoring` puts one in place, `manifest` names and checks its
files. After a restore, anything that the older ledger does not know is looked up before it is sent.
"""
