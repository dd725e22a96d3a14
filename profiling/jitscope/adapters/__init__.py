"""One module per solver: the only places that import the solver that they are named after."""
