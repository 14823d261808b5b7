"""F, its value, gradient and Hessian at a point, and how far a point is from the minimum."""
