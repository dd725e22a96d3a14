"""Reference problems of nonlinear least squares, and two solvers' answers to them."""
