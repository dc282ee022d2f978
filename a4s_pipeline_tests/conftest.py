from hypothesis import settings

# How long an example takes says how busy the machine is, and nothing of the product.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")
