"""The parts of the conformance statements, each from the tables of the code that it is about."""
