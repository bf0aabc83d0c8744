"""Print what the service sends and takes, as OpenAPI, for `npm run types`. Paths are left out: the page has its own."""

import json
import sys
from pathlib import Path

from kintsu.apps.api.app import create_app
from kintsu.apps.api.settings import ServeSettings

document = create_app(ServeSettings(Path("unused"))).openapi()
json.dump(document | {"paths": {}}, sys.stdout, indent=1, sort_keys=True)
