import pytest

from issuer_bridge.kube_api.schemas import SCHEMAS
from issuer_bridge.kube_api.validation import check_change, check_new, check_strictly, without_unknown_fields
from issuer_bridge.resources import (
    CERTIFICATE_REQUEST,
    CHALLENGE,
    CLUSTER_ISSUER,
    CLUSTER_ROLE,
    EVENT,
    ISSUER,
    KINDS,
    ORDER,
    ApiError,
)

WEBHOOK = {"groupName": "acme.gravel.test", "solverName": "builtin"}
TSIG = {"tsigKeyName": "k", "tsigSecretSecretRef": {"name": "s", "key": "k"}}
RFC2136 = "spec.acme.solvers[0].dns01.rfc2136"
ACME = {"server": "https://acme.test/dir", "privateKeySecretRef": {"name": "key"}}


def named(**parts):
    return {"metadata": {"name": "x", "namespace": "default"}, **parts}


def issuer(*solvers, **acme):
    return named(spec={"acme": ACME | {"solvers": list(solvers)} | acme})


def request(**spec):
    return named(spec={"request": "Zm9v", "issuerRef": {"name": "gravel"}} | spec)


def decided(*types, status="True"):
    return request() | {"status": {"conditions": [{"type": name, "status": status} for name in types]}}


def rfc2136(**config):
    return issuer({"dns01": {"rfc2136": {"nameserver": "127.0.0.1:53", **config}}})


def causes_of(check, *arguments):
    with pytest.raises(ApiError) as caught:
        check(*arguments)
    assert (caught.value.code, caught.value.reason) == (422, "Invalid")
    return [(cause["field"], cause["message"]) for cause in caught.value.details["causes"]]


@pytest.mark.seed("K01")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_kind_has_a_schema(kind):
    assert SCHEMAS[kind]["type"] == "object"


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        (CERTIFICATE_REQUEST, request()),
        (CERTIFICATE_REQUEST, request(duration="1h", isCA=False, usages=["digital signature"], extra={"a": ["b"]})),
        (CERTIFICATE_REQUEST, decided("Approved")),
        (ISSUER, named(spec={"selfSigned": {}})),
        (CLUSTER_ISSUER, issuer()),
        (CLUSTER_ISSUER, issuer(server="gravel://default")),
        (CLUSTER_ISSUER, issuer({"http01": {}}, {"http01": {"ingress": {"class": "nginx"}}})),
        (CLUSTER_ISSUER, issuer({"dns01": {"rfc2136": {"nameserver": "127.0.0.1:53"}}, "selector": {}})),
        (CLUSTER_ISSUER, issuer({"dns01": {"webhook": {"groupName": "g", "solverName": "s", "config": [1]}}})),
        (CLUSTER_ISSUER, issuer({"http01": {}, "waitInsteadOfSelfCheck": "0s"})),
        (CLUSTER_ISSUER, issuer({"dns01": {"webhook": WEBHOOK, "nameservers": ["1.1.1.1:53", "https://1.1.1.1"]}})),
        (CLUSTER_ISSUER, rfc2136(nameserver="[::1]:53", tsigAlgorithm="hmacsha512", **TSIG)),
        (EVENT, named(involvedObject={"namespace": "default", "name": "x"})),
        (EVENT, named(involvedObject={"name": "cluster-wide"})),
    ],
    ids=str,
)
def test_what_cert_manager_takes_is_taken(kind, resource):
    check_new(kind, resource)


@pytest.mark.seed("B13")
@pytest.mark.parametrize(
    ("kind", "resource", "field", "message"),
    [
        (CERTIFICATE_REQUEST, named(), "spec", "Required value"),
        (CERTIFICATE_REQUEST, request(request=None), "spec.request", "Required value"),
        (CERTIFICATE_REQUEST, request(issuerRef={}), "spec.issuerRef.name", "Required value"),
        (CERTIFICATE_REQUEST, request(request="-----BEGIN"), "spec.request", "must be of type byte (base64)"),
        (CERTIFICATE_REQUEST, request(request=5), "spec.request", 'must be of type string: "integer"'),
        (CERTIFICATE_REQUEST, request(isCA=1), "spec.isCA", 'must be of type boolean: "integer"'),
        (CERTIFICATE_REQUEST, request(usages="a"), "spec.usages", 'must be of type array: "string"'),
        (CERTIFICATE_REQUEST, request(usages=[True]), "spec.usages[0]", 'must be of type string: "boolean"'),
        (CERTIFICATE_REQUEST, request(usages=[None]), "spec.usages[0]", 'must be of type string: "null"'),
        (CERTIFICATE_REQUEST, request(extra={"a": 1}), "spec.extra.a", 'must be of type array: "integer"'),
        (CERTIFICATE_REQUEST, decided("Approved", "Denied"), "status.conditions", "cannot be both Approved and Denied"),
        (CERTIFICATE_REQUEST, decided("Approved", "Approved"), "status.conditions", "there more than once"),
        (CERTIFICATE_REQUEST, decided("Denied", status="False"), "status.conditions", "Denied can only be True"),
        (ISSUER, named(spec={}), "spec", "at least one issuer must be configured"),
        (
            ISSUER,
            named(spec={"acme": ACME, "selfSigned": {}}),
            "spec.selfSigned",
            "may not specify more than one issuer type",
        ),
        (ISSUER, issuer(server=None), "spec.acme.server", "Required value"),
        (ISSUER, issuer(server="acme.test/dir"), "spec.acme.server", "must be an http(s) URL, or gravel://default"),
        (ISSUER, issuer(privateKeySecretRef=None), "spec.acme.privateKeySecretRef", "Required value"),
        (ISSUER, issuer(preferredChain="x" * 65), "spec.acme.preferredChain", "may not be more than 64 bytes"),
        (ISSUER, issuer({}), "spec.acme.solvers[0]", "no solver type configured"),
        (ISSUER, issuer({"http01": None}), "spec.acme.solvers[0]", "no solver type configured"),
        (ISSUER, issuer({"http01": {}, "dns01": {"route53": {}}}), "spec.acme.solvers[0]", "more than one solver type"),
        (ISSUER, issuer({"http01": {}}, {"dns01": {}}), "spec.acme.solvers[1].dns01", "no DNS01 provider configured"),
        (
            ISSUER,
            issuer({"dns01": {"route53": {}, "cloudDNS": {}}}),
            "spec.acme.solvers[0].dns01.route53",
            "more than one provider type",
        ),
        (
            ISSUER,
            issuer({"http01": {"ingress": {}, "gatewayHTTPRoute": {}}}),
            "spec.acme.solvers[0].http01",
            "may not specify both",
        ),
        (
            ISSUER,
            issuer({"dns01": {"webhook": {"groupName": "g"}}}),
            "spec.acme.solvers[0].dns01.webhook.solverName",
            "Required value",
        ),
        (
            ISSUER,
            issuer({"dns01": {"rfc2136": {"nameserver": "n", "protocol": "QUIC"}}}),
            "spec.acme.solvers[0].dns01.rfc2136.protocol",
            'Unsupported value: "QUIC": supported values: "TCP", "UDP"',
        ),
        (ISSUER, rfc2136(nameserver=""), f"{RFC2136}.nameserver", "RFC2136 nameserver missing"),
        (ISSUER, rfc2136(nameserver="a:b"), f"{RFC2136}.nameserver", "RFC2136 nameserver is invalid"),
        (
            ISSUER,
            rfc2136(tsigAlgorithm="HMACSHA384"),
            f"{RFC2136}.tsigAlgorithm",
            'supported values: "HMACMD5", "HMACSHA1", "HMACSHA256", "HMACSHA512"',
        ),
        (
            ISSUER,
            rfc2136(tsigKeyName="k", tsigSecretSecretRef={"name": "s"}),
            f"{RFC2136}.tsigSecretSecretRef.key",
            "Required value: secret key is required",
        ),
        (ISSUER, rfc2136(**{**TSIG, "tsigKeyName": ""}), f"{RFC2136}.tsigKeyName", "Required value"),
        (
            ISSUER,
            issuer({"dns01": {"webhook": WEBHOOK, "nameservers": ["1.1.1.1:53", "1.1.1.1"]}}),
            "spec.acme.solvers[0].dns01.nameservers[1]",
            'Invalid value: "1.1.1.1": must be in the format <ip address>:<port>',
        ),
        (
            ISSUER,
            issuer({"http01": {}, "waitInsteadOfSelfCheck": "-1s"}),
            "spec.acme.solvers[0].waitInsteadOfSelfCheck",
            "waitInsteadOfSelfCheck must not be negative",
        ),
        (
            ISSUER,
            issuer({"http01": {}, "waitInsteadOfSelfCheck": "soon"}),
            "spec.acme.solvers[0].waitInsteadOfSelfCheck",
            'Invalid value: "soon": must be a duration such as 30s or 1h30m',
        ),
        (EVENT, named(involvedObject={"namespace": "other"}), "involvedObject.namespace", "does not match"),
    ],
    ids=str,
)
def test_a_mistake_is_told_with_its_field(kind, resource, field, message):
    [(found_field, found_message)] = causes_of(check_new, kind, resource)
    assert found_field == field
    assert message in found_message


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"name": ""}, "metadata.name"),
        ({"name": "Upper"}, "metadata.name"),
        ({"name": "under_score"}, "metadata.name"),
        ({"name": "-dash"}, "metadata.name"),
        ({"name": "a..b"}, "metadata.name"),
        ({"name": "new\nline"}, "metadata.name"),
        ({"name": "a" * 254}, "metadata.name"),
        ({"name": 5}, "metadata.name"),
        ({"name": "x", "namespace": "a.b"}, "metadata.namespace"),
        ({"name": "x", "namespace": "a" * 64}, "metadata.namespace"),
        ({"name": "x", "labels": {"a": 1}}, "metadata.labels.a"),
        ({"name": "x", "ownerReferences": [{}]}, "metadata.ownerReferences[0].apiVersion"),
    ],
    ids=str,
)
def test_metadata_is_checked(metadata, field):
    assert causes_of(check_new, CERTIFICATE_REQUEST, request() | {"metadata": metadata})[0][0] == field


@pytest.mark.parametrize("name", ["a", "0", "a.b-c.9", "a" * 253])
def test_names_are_dns_subdomains(name):
    check_new(CERTIFICATE_REQUEST, request() | {"metadata": {"name": name}})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("system:node", None),
        ("Upper_case", None),
        ("..", "may not be '..'"),
        ("a/b", "may not contain '/'"),
        ("a%2Fb", "may not contain '%'"),
    ],
)
def test_names_of_rbac_are_segments_of_a_path(name, why):
    role = {"metadata": {"name": name}, "rules": []}
    if why is None:
        check_new(CLUSTER_ROLE, role)
    else:
        assert causes_of(check_new, CLUSTER_ROLE, role)[0] == ("metadata.name", f'Invalid value: "{name}": {why}')


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ApiError) as caught:
        check_new(CERTIFICATE_REQUEST, named(spec={}))
    assert caught.value.message == (
        'CertificateRequest.cert-manager.io "x" is invalid: '
        "[spec.issuerRef: Required value, spec.request: Required value]"
    )


@pytest.mark.seed("K16", "K21")
@pytest.mark.parametrize(
    ("kind", "stored", "changed", "field"),
    [
        (CERTIFICATE_REQUEST, request(), request(request="YmFy"), "spec"),
        (CERTIFICATE_REQUEST, request(), request(isCA=True), "spec"),
        (ORDER, request(), request(request="YmFy"), "spec.request"),
        (CERTIFICATE_REQUEST, decided("Approved"), decided(), "status.conditions"),
        (CERTIFICATE_REQUEST, decided("Denied"), decided("Approved"), "status.conditions"),
    ],
    ids=str,
)
def test_what_was_decided_does_not_change(kind, stored, changed, field):
    [(found, message)] = causes_of(check_change, kind, stored, changed)
    assert found == field
    assert message.startswith("Forbidden: ")


@pytest.mark.seed("K23")
def test_a_challenge_does_not_change():
    spec = {"authorizationURL": "a", "dnsName": "x.test", "issuerRef": {"name": "gravel"}, "key": "k", "token": "t"}
    spec |= {"solver": {"http01": {}}, "type": "HTTP-01", "url": "u"}
    check_change(CHALLENGE, named(spec=spec), named(spec=spec, status={"processing": True}))
    [(field, _)] = causes_of(check_change, CHALLENGE, named(spec=spec), named(spec=spec | {"key": "other"}))
    assert field == "spec"


@pytest.mark.parametrize(
    ("kind", "stored", "changed"),
    [
        (CERTIFICATE_REQUEST, request(), decided("Approved")),
        (CERTIFICATE_REQUEST, decided("Approved"), decided("Approved")),
        (ORDER, request(), request(dnsNames=["x.test"])),
        # Another group's controller has its own webhook.
        *(
            (kind, request(issuerRef={"name": "x", "group": "example.test"}), request(request="YmFy"))
            for kind in (CERTIFICATE_REQUEST, ORDER)
        ),
    ],
    ids=str,
)
def test_everything_else_may_change(kind, stored, changed):
    check_change(kind, stored, changed)


@pytest.mark.parametrize(
    ("kind", "resource", "sentence"),
    [
        (CERTIFICATE_REQUEST, request(bogus=1), 'unknown field "spec.bogus"'),
        (
            CERTIFICATE_REQUEST,
            request(issuerref={}),
            'unknown field "spec.issuerref"; did you mean "issuerRef"?',
        ),
        (CERTIFICATE_REQUEST, request() | {"spce": {}}, 'unknown field "spce"; did you mean "spec"?'),
        (
            CERTIFICATE_REQUEST,
            request() | {"metadata": {"lables": {}}},
            'unknown field "metadata.lables"; did you mean "labels"?',
        ),
        (
            ISSUER,
            issuer({"http01": {"ingres": {}}}),
            'unknown field "spec.acme.solvers[0].http01.ingres"; did you mean "ingress"?',
        ),
    ],
    ids=str,
)
def test_an_unknown_field_is_taken_out_and_told_with_the_nearest_known_one(kind, resource, sentence):
    kept, unknown = without_unknown_fields(kind, resource)
    assert unknown == [sentence]
    assert without_unknown_fields(kind, kept) == (kept, [])
    with pytest.raises(ApiError) as caught:
        check_strictly(kind, unknown)
    assert caught.value.code == 400
    assert caught.value.message == (
        f'{kind.kind} in version "v1" cannot be handled as a {kind.kind}: strict decoding error: {sentence}'
    )


def test_nulls_and_unknown_fields_go_and_free_parts_stay():
    sent = issuer(
        {"http01": None, "dns01": {"webhook": {"groupName": "g", "solverName": "s", "config": {"a": [None]}}}}
    )
    kept, unknown = without_unknown_fields(ISSUER, sent)
    assert unknown == []
    assert kept["spec"]["acme"]["solvers"] == [
        {"dns01": {"webhook": {"groupName": "g", "solverName": "s", "config": {"a": [None]}}}}
    ]
