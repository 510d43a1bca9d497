# title: the reference solution, nothing changed
