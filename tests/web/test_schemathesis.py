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


@pytest.mark.processes
def test_the_running_server_keeps_to_its_document(tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text('[parameters]\nparty = "cmcc"\n')
    with serving(tmp_path / "instance") as site:
        registry = assemble(site.folder)
        parties.add_party(
            registry.store, registry.clock, party="cmcc", kind="carrier", name_zh="移动", name_en="Mobile", scope="home"
        )
        _id, secret = parties.issue_key(
            registry.store, registry.clock, party="cmcc", scopes=("feed", "reports", "webhooks"), label="test"
        )
        registry.close()
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run",
                f"{site.url}/api/openapi.json", "--header", f"Authorization: Bearer {secret}", "--max-examples", "12",
                "--seed", "7", "--phases", "coverage,fuzzing", "--suppress-health-check", "all", "--exclude-checks",
                EXCLUDED, "--continue-on-failure",
            ],
            capture_output=True, text=True, cwd=tmp_path, timeout=150, env={**os.environ, "NO_COLOR": "1"},
        )
        assert done.returncode == 0, done.stdout
        assert '"fault"' not in site.log()
        assert "Traceback" not in site.log()
