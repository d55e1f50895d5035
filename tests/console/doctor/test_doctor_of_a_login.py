"""`console doctor` with a person's stored login, as the SDK's app has it: what serves, and what does not."""

from __future__ import annotations

import sys
from collections.abc import Callable

import globus_sdk
import pytest

from console.cli.parser import main
from console.doctor import subject
from console.doctor.examine import OF_GLOBUS
from console.doctor.finding import Finding, Verdict
from remote.sandbox.ids import OTHER_IDENTITIES
from tests.doctor_fixture import Setup, pipeline, setup
from tests.pipeline_fixture import Pipeline
from tests.sandbox_records import ask

__all__ = ["pipeline", "setup"]
ANNA = OTHER_IDENTITIES[0]
Look = Callable[[], dict[str, Finding]]


@pytest.fixture
def look(setup: Setup, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Look:
    """What is found, by its check, of what is not ok the first. Nobody is there who could answer a question."""
    monkeypatch.setattr(subject, "AGAIN_SECONDS", (0.1, 0.1))
    monkeypatch.setattr(sys, "stdin", None)
    for dear in ("functions", "endpoints"):
        monkeypatch.delitem(OF_GLOBUS, dear)
    setup.as_person()

    def found() -> dict[str, Finding]:
        main(["doctor", "--profile", str(setup.profile), "--json"])
        out, err = capsys.readouterr()
        assert not err
        findings = sorted(setup.findings(out), key=lambda each: each.verdict is not Verdict.OK)
        return {each.check: each for each in findings}

    return found


def wrong(found: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.words for name, finding in found.items() if finding.verdict is Verdict.BAD}


def test_a_login_that_serves_says_whose_it_is(setup: Setup, look: Look) -> None:
    setup.log_in()
    found = look()
    assert found["login"].words == "operator@sandbox, with all consents, renewed by itself"
    assert not wrong(found)
    assert {"start", "flows", "dtn", "site", "clock"} <= found.keys()


def test_nobody_is_logged_in(look: Look) -> None:
    found = look()
    assert wrong(found) == {"login": "nobody is logged in; console login"}
    assert found["globus"].words.startswith("was not asked: there is no login that serves")
    assert "clock" not in found


def test_a_login_that_was_revoked_is_told_once(setup: Setup, look: Look, pipeline: Pipeline) -> None:
    setup.log_in()
    assert ask(pipeline.sandbox.directory, "DELETE", "logins")["ended"]
    found = look()
    assert wrong(found).keys() == {"login"}
    assert "console login" in found["login"].next_step
    assert "globus" in found
    setup.log_in()
    assert not wrong(look())


def test_the_consent_for_the_data_of_a_collection_is_missing(setup: Setup, look: Look) -> None:
    setup.as_person(collections=())
    setup.log_in(identity=OTHER_IDENTITIES[1])
    setup.as_person()
    said = wrong(look())
    assert said.keys() == {"login"}
    assert "without the consent for" in said["login"]
    assert "Transfer, with the data of the collections" in said["login"]
    assert said["login"].endswith("console login asks for it")


def test_the_consent_for_a_flow_is_missing(setup: Setup, look: Look) -> None:
    deployed = dict[str, object]()
    setup.deployed(lambda known: deployed.update(known.pop("flows")))
    setup.log_in()
    setup.deployed(lambda known: known.update(flows=deployed))
    said = wrong(look())
    assert said == {
        "login": "operator@sandbox, without the consent for the flow of the analysis and the flow of the transfer; "
        "console login asks for it"
    }


def test_another_identity_does_not_see_the_flow(setup: Setup, look: Look) -> None:
    setup.log_in(identity=ANNA)
    found = look()
    assert found["login"].said.startswith("anna@msu.example, ")
    assert wrong(found).keys() == {"flows", "start"}
    assert "not shared with this login" in wrong(found)["start"]


def test_the_flow_may_be_seen_and_not_started(setup: Setup, look: Look, pipeline: Pipeline) -> None:
    ours = globus_sdk.AccessTokenAuthorizer(setup.token.read_text().strip())
    flows = globus_sdk.FlowsClient(authorizer=ours, base_url=pipeline.settings.globus.service_url)
    flow = str(pipeline.make_context().flow_id)
    flows.update_flow(flow, flow_viewers=[f"urn:globus:auth:identity:{ANNA}"])
    setup.log_in(identity=ANNA)
    said = wrong(look())
    flows.update_flow(flow, flow_viewers=[])
    assert "ask for the right at the flow, collection or endpoint, or log in as who has it" in said["start"]


def test_a_store_that_others_may_read(setup: Setup, look: Look) -> None:
    setup.log_in()
    setup.store.chmod(0o644)
    assert "others may read the token store" in wrong(look())["login"]
    assert setup.store.stat().st_mode & 0o777 == 0o644, "it is for its owner to mend"


def test_a_store_that_is_damaged(setup: Setup, look: Look) -> None:
    setup.store.touch(0o600)
    setup.store.write_text("{")
    assert "is damaged" in wrong(look())["login"]


def test_auth_does_not_answer(setup: Setup, look: Look) -> None:
    setup.log_in()
    setup.sandbox.set("http-503", {"service": "auth", "times": 0})
    said = wrong(look())
    assert said.keys() == {"login"}
    assert said["login"].endswith("try it again later")
