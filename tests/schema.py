"""The JSON Schema of events, which every event that a test receives must fit."""

from pathlib import Path

import msgspec
from jsonschema import Draft202012Validator

PATH = Path(__file__).parent.parent / "docs" / "event.schema.json"

EVENT = Draft202012Validator(msgspec.json.decode(PATH.read_bytes()))
