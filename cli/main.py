"""The `agentguide` command. Each command imports what it needs when it runs, so that `--help` is quick."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.deadletters import deadletters
from cli.delete import delete
from cli.doctor import doctor
from cli.errors import CommandError
from cli.keys import keys
from cli.options import joined, load_settings
from cli.projects import projects
from cli.retention import retention
from cli.seed import seed
from cli.simulate import simulate
from cli.users import users

Host = Annotated[str | None, typer.Option(help="Address to listen on; any but this machine's own wants keys.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one.")]
DataDir = Annotated[Path | None, typer.Option(help="Where the stack keeps everything.", readable=False)]
Listener = Annotated[int | None, typer.Option(hidden=True, help="Inherited file descriptor of a listening socket.")]
Shared = Annotated[bool, typer.Option("--shared", hidden=True, help="Other processes serve at the same address.")]
Gate = Annotated[int | None, typer.Option(hidden=True, help="Inherited file descriptor: wait until it is at its end.")]


class Commands(TyperGroup):
    """A command that cannot do its work says so in one sentence."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CommandError as error:
            typer.echo(f"agentguide: {error.message}", err=True)
            raise typer.Exit(error.exit_code) from None


app = typer.Typer(
    name="agentguide",
    help="AgentGuide: a monitoring backend for AI agents.",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def up(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    api_processes: Annotated[int | None, typer.Option(help="API processes that share the port.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes.")] = None,
    shards: Annotated[int | None, typer.Option(help="Queues that runs are spread over.")] = None,
) -> None:
    """Start the whole stack in the foreground; Ctrl-C ends it."""
    from cli import up  # noqa: PLC0415

    given = {"api_processes": api_processes, "workers": workers, "shards": shards}
    up.up(load_settings(host=host, port=port, data_dir=data_dir, **given))


@app.command()
def status(data_dir: DataDir = None, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Tell where the stack runs and how far it is behind."""
    from cli import status  # noqa: PLC0415

    directory = load_settings(data_dir=data_dir).data_dir
    state = status.running(directory)
    if state is None and as_json:
        typer.echo('{"running": false}')
        raise typer.Exit(status.NOT_RUNNING_CODE)
    if state is None:
        raise CommandError(f"AgentGuide is not running on {directory}; start it with `agentguide up`.", status.NOT_RUNNING_CODE)
    found = status.report(state)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    from rich.console import Console  # noqa: PLC0415

    Console().print(status.table(found))


@app.command()
def api(host: Host = None, port: Port = None, listener: Listener = None, shared: Shared = False, gate: Gate = None) -> None:
    """Serve ingest and read on one port."""
    _serve_api("api", host, port, listener, gate, shared=shared)


@app.command()
def ingest_api(host: Host = None, port: Port = None) -> None:
    """Serve ingest only."""
    _serve_api("ingest-api", host, port)


@app.command()
def read_api(host: Host = None, port: Port = None) -> None:
    """Serve reading only."""
    _serve_api("read-api", host, port)


def _serve_api(
    which: str,
    host: str | None,
    port: int | None,
    listener: int | None = None,
    gate: int | None = None,
    *,
    shared: bool = False,
) -> None:
    from cli import serve  # noqa: PLC0415

    serve.api(load_settings(host=host, port=port), which, listener, gate, shared=shared)


@app.command()
def worker(data_dir: DataDir = None, gate: Gate = None) -> None:
    """Run one worker: it moves events from the queue into the database.

    Without DATABASE_URL and REDIS_URL it joins the stack that runs on the data directory. It takes work at once; Ctrl-C ends
    it, and the others go on with what it leaves. More workers than shards have nothing to do.
    """
    from cli import serve  # noqa: PLC0415

    serve.worker(joined(load_settings(data_dir=data_dir)), gate)


@app.command()
def scheduler(gate: Gate = None) -> None:
    """Run the scheduler; one is enough."""
    from cli import serve  # noqa: PLC0415

    serve.scheduler(load_settings(), gate)


@app.command()
def migrate(gate: Gate = None) -> None:
    """Bring the database to the newest schema, and make the first admin."""
    from cli import serve  # noqa: PLC0415

    serve.migrate(load_settings(), gate)


app.command()(simulate)
app.command()(seed)
app.command()(doctor)
app.command()(retention)
app.add_typer(delete, name="delete")
app.add_typer(deadletters, name="deadletters")
for group, name in ((projects, "projects"), (users, "users"), (keys, "keys")):
    app.add_typer(group, name=name)

# Commands in modules of their own are registered here: app.command()(function)

if __name__ == "__main__":
    app()
