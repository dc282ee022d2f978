"""Locks between processes that die with their process: files on one machine, PostgreSQL on several."""
