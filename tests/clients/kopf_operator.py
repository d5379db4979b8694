"""An operator in kopf, run by test_kopf.py: it keeps the status of Widgets, sees them off, and refuses some."""

import os

import kopf


@kopf.on.login()
def login(**_):
    """The API of the test wants a token."""
    trust = os.environ["TRUST"]
    return kopf.ConnectionInfo(
        server=os.environ["KUBERNETES"], ca_path=trust, scheme="Bearer", token=os.environ["TOKEN"]
    )


@kopf.on.startup()
def configure(settings, **_):
    """Serve admission reviews on this machine, with the certificate of the test."""
    settings.persistence.finalizer = "example.com/kopf"
    settings.admission.managed = "kopf.example.com"
    settings.admission.server = kopf.WebhookServer(
        addr="127.0.0.1",
        host="127.0.0.1",
        port=int(os.environ["WEBHOOK_PORT"]),
        certfile=os.environ["CERTIFICATE"],
        pkeyfile=os.environ["KEY"],
        cafile=os.environ["CA"],
    )


@kopf.on.create("example.com", "v1", "widgets")
def created(spec, patch, body, **_):
    """Say what was made."""
    kopf.info(body, reason="Made", message=f"a widget of size {spec['size']}")
    patch.status["phase"] = f"made {spec['size']}"


@kopf.on.update("example.com", "v1", "widgets", field="spec.size")
def resized(old, new, patch, **_):
    """Say how it changed."""
    patch.status["phase"] = f"{old} became {new}"


@kopf.on.delete("example.com", "v1", "widgets")
def deleted(body, **_):
    """Say goodbye, before the finalizer goes."""
    kopf.info(body, reason="Gone", message="goodbye")


@kopf.on.validate("example.com", "v1", "widgets")
def even(spec, warnings, **_):
    """Refuse one size, and warn of another."""
    if spec.get("size") == 7:
        raise kopf.AdmissionError("7 is no size", code=403)
    if spec.get("size") == 8:
        warnings.append("8 is large")
