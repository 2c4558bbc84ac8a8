"""The running server keeps to its own document, whatever is sent (schemathesis)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry import parties
from registry.assembly import assemble
from tests.web.serving import serving

# A valid shape is not yet a phone number, a curve's point or an edition that exists, so valid bodies may be refused.
EXCLUDED = "positive_data_acceptance"


KEYS = {
    "cmcc": ("carrier", ("feed", "reports", "webhooks"), "--exclude-path-regex"),
    "acme": ("telemarketer", ("check", "scrub", "read"), "--include-path-regex"),
}
CALL_LISTS = "/(checks|scrubs|receipts|receipt-keys)"


@pytest.mark.processes
@pytest.mark.parametrize("party", KEYS)
def test_the_running_server_keeps_to_its_document(tmp_path: Path, party: str) -> None:
    kind, scopes, paths = KEYS[party]
    config = tmp_path / "schemathesis.toml"
    config.write_text(f'[parameters]\nparty = "{party}"\n')
    with serving(tmp_path / "instance") as site:
        registry = assemble(site.folder)
        parties.add_party(
            registry.store, registry.clock, party=party, kind=kind, name_zh="某公司", name_en="Some", scope="home"
        )
        _id, secret = parties.issue_key(registry.store, registry.clock, party=party, scopes=scopes, label="test")
        registry.close()
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run",
                f"{site.url}/api/openapi.json", "--header", f"Authorization: Bearer {secret}", "--max-examples", "12",
                "--seed", "7", "--phases", "coverage,fuzzing", "--suppress-health-check", "all", "--exclude-checks",
                EXCLUDED, "--continue-on-failure", paths, CALL_LISTS,
            ],
            capture_output=True, text=True, cwd=tmp_path, timeout=150, env={**os.environ, "NO_COLOR": "1"},
        )
        assert done.returncode == 0, done.stdout
        assert '"fault"' not in site.log()
        assert "Traceback" not in site.log()
