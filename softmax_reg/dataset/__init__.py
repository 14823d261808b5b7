"""From what a user gives, arrays, tables, files, to rows that can be walked block by block."""
