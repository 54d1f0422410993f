"""Files in, files out: NDJSON, CSV by a mapping and Parquet, read row by row and written in bounded memory."""

from __future__ import annotations

from service.files.row import Evidence, Row, Rows

__all__ = ["Evidence", "Row", "Rows"]
