"""What the coefficients of a fitted model say: tables and an overview."""
