"""Fitted models as those of scikit-learn, and the other way round."""
