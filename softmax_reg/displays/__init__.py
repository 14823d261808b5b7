"""Pictures of fitted models: they read attributes and know nothing of how they came about."""
