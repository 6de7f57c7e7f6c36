"""`ris-pacs user` and `ris-pacs token`: accounts from the command line."""

from __future__ import annotations

import click

from ris_pacs.accounts import service
from ris_pacs.catalog import queries as catalog
from ris_pacs.cli.setting_up import open_current_system
from ris_pacs.kernel.actor import OPERATOR, Role
from ris_pacs.kernel.uow import UnitOfWork, unit_of_work
from ris_pacs.orders.service.referrers import add_account
from ris_pacs.patients import queries as patients
from ris_pacs.patients.errors import NoSuchPatient

ROLES = click.Choice([str(role) for role in Role])
_PASSWORD = "Asked for when it is not given here (it would stand in the shell's history)."  # noqa: S105, a help text


@click.group()
def user() -> None:
    """Accounts of people.

    Example: ris-pacs user add ana@practice.example --name "Ana Reyes" --role frontdesk
    """


@user.command("add")
@click.argument("email")
@click.option("--name", default="", help="As others see it; without it, the part of the address before the @.")
@click.option("--role", type=ROLES, required=True)
@click.option("--npi", help="Which doctor a referrer is; sees the exams of orders that name the doctor.")
@click.option("--mrn", help="Which patient a patient's account is of, by the number that the first site gave.")
@click.option("--password", help=_PASSWORD)
def add_user(email: str, name: str, role: str, npi: str | None, mrn: str | None, password: str | None) -> None:
    """Add an account.

    Example: ris-pacs user add ana@practice.example --name "Ana Reyes" --role frontdesk
    """
    _, system = open_current_system()
    password = password or _ask_password()
    with unit_of_work(system) as uow:
        new = service.NewUser(
            email,
            name or email.split("@")[0],
            password,
            role,
            patient_id=_patient(uow, mrn) if mrn else None,
            practitioner_id=catalog.practitioner_by_npi(uow, npi).id if npi else None,
        )
        made = add_account(uow, new, OPERATOR)
    click.echo(f"{made.email} may sign in as {role}.")


def _ask_password() -> str:
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _patient(uow: UnitOfWork, mrn: str) -> int:
    """Raises NoSuchPatient."""
    site = catalog.first_site(uow)
    found = patients.by_identifier(uow, mrn, site.patient_issuer_id) if site else None
    if found is None:
        raise NoSuchPatient(f"The first site gave nobody the MRN {mrn}.", "mrn")
    return found.id


@user.command("password")
@click.argument("email")
@click.option("--password", help=_PASSWORD)
def set_password(email: str, password: str | None) -> None:
    """Set a password that was lost; ends all sign-ins of the account and lifts a lock.

    Example: ris-pacs user password ana@practice.example
    """
    _, system = open_current_system()
    password = password or _ask_password()
    with unit_of_work(system) as uow:
        service.set_password(uow, email, password, OPERATOR)
    click.echo(f"{email} has a new password and is signed out everywhere.")


@user.command("unlock")
@click.argument("email")
def unlock_user(email: str) -> None:
    """Lift the lock that too many wrong passwords have put on an account.

    Example: ris-pacs user unlock ana@practice.example
    """
    _, system = open_current_system()
    with unit_of_work(system) as uow:
        service.lift_lock(uow, email, OPERATOR)
    click.echo(f"{email} may try again.")


@user.command("enable")
@click.argument("email")
def enable_user(email: str) -> None:
    """Let a disabled account sign in again, with the password that it had.

    Example: ris-pacs user enable ana@practice.example
    """
    _, system = open_current_system()
    with unit_of_work(system) as uow:
        service.enable_user(uow, email, OPERATOR)
    click.echo(f"{email} may sign in again.")


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
