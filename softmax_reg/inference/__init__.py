"""What the coefficients of a fitted model say: tables, standard errors, tests, marginal effects."""
