"""`tast1`: the one command line. Every command has `--help`; most have `--json`.

Commands that only read or change storage work whether or not the gateway runs.
"""

from __future__ import annotations

import typer

from gateway.cli.audit import audit_app
from gateway.cli.calls import calls_app
from gateway.cli.cases import cases_app
from gateway.cli.complaints import complaints_app
from gateway.cli.config import config_app
from gateway.cli.demo import demo
from gateway.cli.erase import erase_app
from gateway.cli.gateways import drain, gateways_app
from gateway.cli.keys import keys_app
from gateway.cli.model import model_app
from gateway.cli.orders import orders_app
from gateway.cli.overview import report, tasks
from gateway.cli.phone import call
from gateway.cli.policy import policy_app
from gateway.cli.prompts import prompts_app
from gateway.cli.recipients import recipients_app
from gateway.cli.reconcile import reconcile
from gateway.cli.recordings import recordings_app
from gateway.cli.reload import reload
from gateway.cli.requests import requests_app, withdraw
from gateway.cli.samples import samples_app
from gateway.cli.serve import serve
from gateway.cli.sweep import sweep
from gateway.cli.transcriber import transcriber
from gateway.cli.transcripts import transcripts_app
from gateway.cli.trunk import trunk_app
from gateway.cli.users import users_app
from gateway.cli.watch import watch
from gateway.cli.webhooks import webhooks_app

app = typer.Typer(
    name="tast1",
    help="Calls that are recorded only when the caller presses 1, and forgotten on time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables could show a caller's number
    epilog="Start with `tast1 demo`; run with `tast1 serve`; look with `tast1 calls`.",
)
app.command()(serve)
app.command()(reload)
app.command()(drain)
app.add_typer(gateways_app)
app.command()(demo)
app.command()(call)
app.command()(transcriber)
app.add_typer(calls_app)
app.command()(watch)
app.add_typer(trunk_app)
app.command()(reconcile)
app.add_typer(recordings_app)
app.add_typer(transcripts_app)
app.command()(tasks)
app.command()(withdraw)
app.add_typer(requests_app)
app.add_typer(complaints_app)
app.add_typer(cases_app)
app.add_typer(samples_app)
app.add_typer(orders_app)
app.add_typer(recipients_app)
app.add_typer(users_app)
app.add_typer(webhooks_app)
app.command()(report)
app.command()(sweep)
app.add_typer(erase_app)
app.add_typer(audit_app)
app.add_typer(keys_app)
app.add_typer(config_app)
app.add_typer(policy_app)
app.add_typer(prompts_app)
app.add_typer(model_app)


def main() -> None:
    """The entry point of the `tast1` script."""
    app()
