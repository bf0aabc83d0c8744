"""Small programs from a few examples of cells before and after."""
