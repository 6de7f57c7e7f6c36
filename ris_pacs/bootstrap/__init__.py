"""The only place that wires: settings to a system, events to reactions, routes, handlers and jobs to slices.

One module for each kind of process, so that a listener does not load the pages.
"""
