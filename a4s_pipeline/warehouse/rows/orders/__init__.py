"""The rows of orders and their lines: written, listed by span, retrieved, compared with their sub totals."""
