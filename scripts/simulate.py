"""`agentguide simulate`, for those who look for it here."""

import sys

from cli.main import app

if __name__ == "__main__":
    app(["simulate", *sys.argv[1:]], prog_name="agentguide")
