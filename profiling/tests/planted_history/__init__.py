"""A history of known changes, measured by the real asv; see `docs/planted-history.md`."""
