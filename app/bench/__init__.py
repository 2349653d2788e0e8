"""How quick the window is: `python -m app.bench [--json]`, which `triptych bench app` starts.

Each figure is measured in a process of its own, begun as a person begins the window. The parent imports no Qt.
"""
