"""`ris-pacs user` and `ris-pacs token`: accounts from the command line."""

from __future__ import annotations

import click

from ris_pacs.accounts import service
from ris_pacs.cli.setting_up import open_current_system
from ris_pacs.kernel.actor import OPERATOR, Role
from ris_pacs.kernel.uow import unit_of_work

ROLES = click.Choice([str(role) for role in Role])


@click.group()
def user() -> None:
    """Accounts of people.

    Example: ris-pacs user add ana@practice.example --name "Ana Reyes" --role frontdesk
    """


@user.command("add")
@click.argument("email")
@click.option("--name", default="", help="As others see it; without it, the part of the address before the @.")
@click.option("--role", type=ROLES, required=True)
@click.option("--password", help="Asked for when it is not given here (it would stand in the shell's history).")
def add_user(email: str, name: str, role: str, password: str | None) -> None:
    """Add an account.

    Example: ris-pacs user add ana@practice.example --name "Ana Reyes" --role frontdesk
    """
    _, system = open_current_system()
    if password is None:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with unit_of_work(system) as uow:
        new = service.NewUser(email, name or email.split("@")[0], password, role)
        made = service.add_user(uow, new, OPERATOR)
    click.echo(f"{made.email} may sign in as {role}.")


@user.command("disable")
@click.argument("email")
def disable_user(email: str) -> None:
    """End an account and all its sign-ins; what it did stays.

    Example: ris-pacs user disable ana@practice.example
    """
    _, system = open_current_system()
    with unit_of_work(system) as uow:
        service.disable_user(uow, email, OPERATOR)
    click.echo(f"{email} may no longer sign in.")


@click.group()
def token() -> None:
    """Bearer tokens of machines.

    Example: ris-pacs token add dashboard --role system
    """


@token.command("add")
@click.argument("name")
@click.option("--role", type=ROLES, required=True)
def add_token(name: str, role: str) -> None:
    """Make a token and print it, this once, alone on its line.

    Example: ris-pacs token add dashboard --role system
    """
    _, system = open_current_system()
    with unit_of_work(system) as uow:
        key = service.add_token(uow, name, role, OPERATOR)
    click.echo(key)


@token.command("revoke")
@click.argument("name")
def revoke_token(name: str) -> None:
    """End a token.

    Example: ris-pacs token revoke dashboard
    """
    _, system = open_current_system()
    with unit_of_work(system) as uow:
        service.revoke_token(uow, name, OPERATOR)
    click.echo(f"The token {name} is revoked.")
