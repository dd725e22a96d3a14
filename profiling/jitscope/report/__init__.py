"""Turn recorded sessions and asv's history into tables and HTML."""
