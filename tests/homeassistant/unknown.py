"""Print what Home Assistant's own schemas do not know of the entities on standard input.

Home Assistant passes over keys that it does not know, so a misspelt one would do nothing and never
be told of. This runs on the Python of Home Assistant.
"""

import asyncio
import json
import sys
from importlib import import_module
from typing import Any


async def unknown_keys(entities: dict[str, dict[str, Any]]) -> set[str]:
    # Templates are only read where there is a Home Assistant, though it need not be started.
    import_module("homeassistant.core").HomeAssistant("")
    unknown: set[str] = set()
    for entity in entities.values():
        platform = entity.pop("platform")
        schema = import_module(f"homeassistant.components.mqtt.{platform}").DISCOVERY_SCHEMA
        unknown |= entity.keys() - schema(entity).keys()
    return unknown


if __name__ == "__main__":
    json.dump(sorted(asyncio.run(unknown_keys(json.load(sys.stdin)))), sys.stdout)
