"""A client on PyPI's `acme`, certbot's library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from acme import challenges, client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.jwk import JWKRSA


def main(act: str, directory: str, name: str, wanted: str) -> None:
    """Issue anew, or revoke what was issued."""
    key = JWKRSA(key=load_pem_private_key(Path("account.pem").read_bytes(), None))
    network = client.ClientNetwork(key, user_agent="conformance")
    acme = client.ClientV2(client.ClientV2.get_directory(directory, network), network)
    new = messages.NewRegistration.from_data(terms_of_service_agreed=True)
    try:
        acme.new_account(new)
    except errors.ConflictError as known:
        network.account = messages.RegistrationResource(uri=known.location, body=messages.Registration())
    if act == "revoke":
        acme.revoke(x509.load_pem_x509_certificates(Path("chain.pem").read_bytes())[0], 0)
        return
    order = acme.new_order(Path("csr.pem").read_bytes())
    for authorization in order.authorizations:
        if authorization.body.status == messages.STATUS_VALID:
            continue
        challenge = next(one for one in authorization.body.challenges if one.chall.typ == wanted)
        response, validation = challenge.chall.response_and_validation(key)
        if isinstance(challenge.chall, challenges.HTTP01):
            answer = ["put", challenge.chall.encode("token"), validation]
        else:
            answer = ["set-txt", name, validation]
        subprocess.run(["./hook", *answer], check=True)
        acme.answer_challenge(challenge, response)
    Path("chain.pem").write_text(acme.poll_and_finalize(order).fullchain_pem)


if __name__ == "__main__":
    main(*sys.argv[1:])
