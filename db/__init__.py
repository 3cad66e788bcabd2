"""Schema, migrations, and every SQL statement. Imports nothing of ours."""
