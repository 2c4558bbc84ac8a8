"""The US Federal Trade Commission's reported calls in the registry's own field names.

Two shapes come: the JSON:API pages of its Do Not Call Reported Calls API (`{"data": [{"id", "attributes": {...}}]}`)
and one object a line with `id`, `number`, `area-code`. Neither names the number that was called. A violation date
carries no zone and is read as UTC. Sources: the API's page at ftc.gov (DNC Reported Calls Data API v0); RULES §5.
"""

from __future__ import annotations

from typing import Any

SUBJECTS = {
    "reducing your debt (credit cards, mortgage, student loans)": "loan",
    "debt collection": "collection",
    "medical & prescriptions": "food",
    "home security & alarms": "home",
    "home improvement & cleaning": "renovation",
    "energy, solar, & utilities": "renovation",
    "work from home & other ways to make money": "recruit",
    "warranties & protection plans": "insurance",
    "vacation & timeshares": "travel",
    "computer & technical support": "telecom",
}
_PLACES = ("consumer-city", "consumer-state", "consumer-area-code", "created-date")
_ENVELOPE = {"type", "id", "attributes", "relationships", "meta", "links"}


def wire_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """One FTC object in our field names; what is not known stays under its own name, so that checking refuses it."""
    attributes = fields.get("attributes")
    if isinstance(attributes, dict):
        unknown = {name: value for name, value in fields.items() if name not in _ENVELOPE}
        return _from_attributes(fields.get("id"), attributes) | unknown
    found = {name: value for name, value in fields.items() if name not in {"number", "area-code"}}
    if "number" in fields:
        found["caller"] = fields["number"]
    return found


def _from_attributes(id_: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in attributes.items() if name not in _PLACES}
    found: dict[str, Any] = {"id": id_, "caller": rest.pop("company-phone-number", "")}
    moment = rest.pop("violation-date", None) or attributes.get("created-date")
    if isinstance(moment, str) and moment:
        found["at"] = moment.strip().replace(" ", "T") + "Z"
    elif moment:
        found["at"] = moment
    subject = rest.pop("subject", None)
    if isinstance(subject, str) and subject.strip():
        found["category"] = SUBJECTS.get(subject.strip().lower(), "other")
        found["description"] = subject.strip()
    recorded = rest.pop("recorded-message-or-robocall", None)
    if recorded in {"Y", "N"}:
        found["channel"] = "robocalls" if recorded == "Y" else "calls"
        found["mode"] = "recorded" if recorded == "Y" else "human"
    return found | rest
