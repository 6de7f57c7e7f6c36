"""The demo practice: an invented place that lives through its days by the program's own services."""
