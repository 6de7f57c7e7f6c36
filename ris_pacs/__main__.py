"""`ris-pacs` and `python -m ris_pacs`."""

from __future__ import annotations

from ris_pacs.cli.main import main

if __name__ == "__main__":
    main()
