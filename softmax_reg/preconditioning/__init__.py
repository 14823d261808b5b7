"""Linear changes of variables, how one is chosen, and the problem as a solver then sees it."""
