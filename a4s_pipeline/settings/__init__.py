"""What the environment may say, checked once for a process. Enter by `loading.load_settings`."""
