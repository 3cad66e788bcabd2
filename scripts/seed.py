"""`agentguide seed`, for those who look for it here."""

import sys

from cli.main import app

if __name__ == "__main__":
    app(["seed", *sys.argv[1:]], prog_name="agentguide")
