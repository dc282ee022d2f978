"""The settings in the environment, checked once for a process. Enter by `loading.load_settings`."""
