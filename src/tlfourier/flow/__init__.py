"""The physics: grid, equation, steppers, simulation, diagnostics of two-dimensional turbulence."""
