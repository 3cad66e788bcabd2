"""Prints the OpenAPI document of the whole API, as a server with default settings describes itself."""

import json
import sys

from api.app import create_app
from events.settings import Settings

json.dump(create_app(Settings(_env_file=None)).openapi(), sys.stdout, indent=1)
