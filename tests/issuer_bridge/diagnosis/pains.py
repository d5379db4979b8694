"""What people complain of at cert-manager, and the findings that tell it: the table of docs/diagnose.md."""

from issuer_bridge.diagnosis import readings
from issuer_bridge.diagnosis.diagnosing import ALSO, POSITIONS

# pain -> (what it is, the codes of its findings or why there are none); the numbers are those of the findings.
PAINS = {
    1: ("60 Challenges that never pass block all others", ("slots-full",)),
    2: ("the cap was fixed", "a flag by now; tell it with `--max-concurrent-challenges`"),
    3: ("20 starts a tick", "no state: `gravel simulate` says what it costs"),
    4: ("one name at a time, across issuers and namespaces", ("key-taken",)),
    5: ("wildcard and apex wait for each other", ("key-taken",)),
    6: ("a zone that may not be written keeps a slot", ("provider-refuses",)),
    7: ("a network error ended a Challenge for good", ("network-error-was-final", "order-abandoned")),
    8: ("20 s or 2 minutes for a verdict", ("verdict-late",)),
    9: ("a Retry-After of a day was waited for", ("no-verdict",)),
    10: ("an authorization that is no JSON", ("no-verdict", "authorizations-unread")),
    11: ("an Order stays processing", ("order-processing",)),
    12: ("all Challenges valid, the Order pending", ("order-lags",)),
    13: ("finalize without a Location", ("order-processing", "not-finalized")),
    14: ("429 ends Orders and Challenges", ("rate-limited",)),
    15: (
        "the HTTP-01 self-check fails inside",
        ("http01-unreachable", "http01-not-routed", "http01-proxy-protocol", "http01-no-backend"),
    ),
    16: (
        "the DNS-01 self-check sees another DNS",
        ("dns01-not-seen", "dns01-nameserver-fails", "dns01-nameserver-silent"),
    ),
    17: ("IPv6 nameservers", ("dns01-no-ipv6",)),
    18: ("one flag for both retry periods", "no state: it changes how often is looked"),
    19: ("names that share an alias overwrite each other", ("alias-shared",)),
    20: ("an Order that was finalized already", ("order-finalized-before",)),
    21: ("an Order that is another's; requests twice", ("order-foreign", "requests-twice")),
    22: ("finalizers that stay, namespaces Terminating", ("not-cleaned-up", "namespace-terminating")),
    23: ("secondary validation failed once", ("secondary-validation",)),
    24: ("the CA has lost the account", ("account-unknown",)),
    25: ("e2e tests are flaky", "no state of a cluster; gravel's server repeats by seed"),
    26: ("Pebble and DNS wired up by hand", "no state of a cluster; `gravel manifest`"),
    27: ("no guidance for 20,000 certificates", "no state; `gravel simulate`"),
    28: ("a CA validates while it answers", ("verdict-late", "no-verdict")),
}
SPECIAL = ("slots-full", "alias-shared", "crds-missing", "annotations-bad", "left-alone")


def codes():
    """Every code that a finding can have."""
    rules = [rule for table in (POSITIONS, ALSO) for rules in table.values() for rule in rules if rule.awaited]
    tables = [value for value in vars(readings).values() if isinstance(value, tuple)]
    rows = [row for table in tables for row in table]
    return dict.fromkeys([*(rule.code for rule in rules), *(row.code for row in rows), *SPECIAL])


def table():
    """The pains as Markdown."""
    rows = [
        f"| {number} | {text} | {told if isinstance(told, str) else ', '.join(f'`{code}`' for code in told)} |"
        for number, (text, told) in PAINS.items()
    ]
    return "\n".join(["| | pain | told as |", "|---|---|---|", *rows])


PARTS = {"pains": table}
