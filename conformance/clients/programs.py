"""The recipes of programs: certbot, lego, dehydrated, acme-tiny, uacme, acmetool, lacme, Caddy, Apache's mod_md."""

from __future__ import annotations

from conformance.clients.recipe import DNS01, HTTP01, TLS_ALPN01, Act, Recipe

ISSUE, RENEW, REVOKE = Act.ISSUE, Act.RENEW, Act.REVOKE
RENEWS_ITSELF = "renews by itself alone, when it is due"

_CERTBOT = "REQUESTS_CA_BUNDLE=ca.pem certbot"
_CERTBOT_HOME = "--non-interactive --config-dir . --work-dir . --logs-dir logs --server @directory@"
CERTBOT = Recipe(
    name="certbot",
    found="certbot --version",
    challenges={
        HTTP01: "--standalone --http-01-address 127.0.0.1 --http-01-port @http01_port@",
        DNS01: "--manual --preferred-challenges dns --manual-auth-hook"
        """ './hook set-txt "$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION"' --manual-cleanup-hook"""
        """ './hook clear-txt "$CERTBOT_DOMAIN"'""",
    },
    commands={
        ISSUE: f"{_CERTBOT} certonly {_CERTBOT_HOME} --agree-tos --register-unsafely-without-email @how@ -d @name@",
        RENEW: f"{_CERTBOT} renew {_CERTBOT_HOME} --force-renewal --no-random-sleep-on-renew",
        REVOKE: f"{_CERTBOT} revoke {_CERTBOT_HOME} --cert-path live/@name@/cert.pem --no-delete-after-revoke",
    },
    chain="live/@name@/fullchain.pem",
    key="live/@name@/privkey.pem",
    serves=True,
    cannot={TLS_ALPN01: "has no solver for it"},
)

_LEGO = "LEGO_CA_CERTIFICATES=ca.pem lego --server @directory@ --accept-tos --email lego@example.com --path . -d @name@"
LEGO = Recipe(
    name="lego",
    found="lego --version",
    package="lego",
    challenges={
        HTTP01: "--http --http.port 127.0.0.1:@http01_port@",
        DNS01: "--dns exec --dns.disable-cp --dns.resolvers @dns@",
        TLS_ALPN01: "--tls --tls.port 127.0.0.1:@tls_alpn_port@",
    },
    commands={
        ISSUE: f"EXEC_PATH=./solver EXEC_POLLING_INTERVAL=1 {_LEGO} @how@ run",
        RENEW: f"EXEC_PATH=./solver EXEC_POLLING_INTERVAL=1 {_LEGO} @how@ renew --days 36500 --no-random-sleep",
        REVOKE: f"{_LEGO} revoke --keep",
    },
    files={
        "solver": '#!/bin/sh\ncase "$1" in\n'
        'present) exec ./hook set-txt "$2" "$3" ;;\n'
        'cleanup) exec ./hook clear-txt "$2" ;;\nesac\n'
    },
    chain="certificates/@name@.crt",
    key="certificates/@name@.key",
    serves=True,
)

DEHYDRATED = Recipe(
    name="dehydrated",
    found="dehydrated --version",
    package="dehydrated",
    challenges={HTTP01: "-t http-01", DNS01: "-t dns-01 -k ./solver"},
    setup="dehydrated -f config --register --accept-terms",
    commands={
        ISSUE: "dehydrated -f config -c @how@ -d @name@",
        RENEW: "dehydrated -f config -c @how@ -d @name@ --force",
        REVOKE: "dehydrated -f config --revoke certs/@name@/cert.pem",
    },
    files={
        "config": "CA=@directory@\nWELLKNOWN=webroot/.well-known/acme-challenge\nBASEDIR=.\n"
        'CURL_OPTS="--cacert ca.pem"\nKEY_ALGO=prime256v1\nACCOUNT_KEYSIZE=2048\n',
        "solver": '#!/bin/sh\ncase "$1" in\n'
        'deploy_challenge) exec ./hook set-txt "$2" "$4" ;;\n'
        'clean_challenge) exec ./hook clear-txt "$2" ;;\nesac\n',
    },
    chain="certs/@name@/fullchain.pem",
    key="certs/@name@/privkey.pem",
    cannot={TLS_ALPN01: "needs a responder beside it"},
)

_ACME_TINY = (
    "SSL_CERT_FILE=ca.pem acme-tiny --account-key account.pem --csr csr.pem --disable-check"
    " --acme-dir webroot/.well-known/acme-challenge --directory-url @directory@"
)
ACME_TINY = Recipe(
    name="acme-tiny",
    found="acme-tiny --help > /dev/null",
    package="acme-tiny",
    challenges={HTTP01: ""},
    commands={ISSUE: f"{_ACME_TINY} > chain.pem", RENEW: f"{_ACME_TINY} > renewed.pem && mv renewed.pem chain.pem"},
    cannot={REVOKE: "has no such command", DNS01: "has http-01 alone", TLS_ALPN01: "has http-01 alone"},
)

# These trust the system's CAs and cannot be told of others; in a mount namespace of their own, they see ours there.
_TRUST = "mkdir trusted && cp ca.pem trusted/ca-certificates.crt && openssl rehash trusted"
_TRUSTING = "unshare --user --map-root-user --mount sh -c 'mount --bind trusted /etc/ssl/certs && exec \"$@\"' sh"

_UACME = f"{_TRUSTING} uacme -c . -y -a @directory@"
UACME = Recipe(
    name="uacme",
    found="command -v uacme && { uacme --version 2>&1 || true; }",
    package="uacme",
    challenges={HTTP01: "-h ./http-01", DNS01: "-h ./dns-01"},
    setup=f"{_TRUST} && {_UACME} new uacme@example.com",
    commands={
        ISSUE: f"{_UACME} @how@ issue @name@",
        RENEW: f"{_UACME} @how@ -f issue @name@",
        REVOKE: f"{_UACME} revoke @name@/cert.pem",
    },
    files={
        "http-01": '#!/bin/sh\n[ "$2" = http-01 ] || exit 1\n[ "$1" != begin ] || exec ./hook put "$4" "$5"\n',
        "dns-01": '#!/bin/sh\n[ "$2" = dns-01 ] || exit 1\ncase "$1" in\n'
        'begin) exec ./hook set-txt "$3" "$5" ;;\n*) exec ./hook clear-txt "$3" ;;\nesac\n',
    },
    chain="@name@/cert.pem",
    key="private/@name@/key.pem",
    cannot={TLS_ALPN01: "needs ualpn beside it"},
)

_ACMETOOL = "SSL_CERT_FILE=ca.pem acmetool --state=state --hooks=hooks --batch --response-file=responses"
ACMETOOL = Recipe(
    name="acmetool",
    found="command -v acmetool && { acmetool --version 2>&1 || true; }",
    package="acmetool",
    challenges={HTTP01: ""},
    # It wants to be told beforehand that the terms are agreed to, by their URL.
    setup="curl --silent --cacert ca.pem @directory@ |"
    """ sed -n 's/.*"termsOfService": *"\\([^"]*\\)".*/"acme-agreement:\\1": true/p' >> responses""",
    commands={ISSUE: f"{_ACMETOOL} want @name@"},
    files={
        "responses": '"acme-enter-email": ""\n',
        "state/conf/target": "request:\n  provider: @directory@\n  challenge:\n    http-self-test: false\n"
        "    webroot-paths: [@home@/webroot/.well-known/acme-challenge]\n",
        "hooks/none": "",
    },
    chain="state/live/@name@/fullchain",
    key="state/live/@name@/privkey",
    cannot={
        RENEW: RENEWS_ITSELF,
        REVOKE: "its command ends well and revokes nothing (0.2.2)",
        DNS01: "tries http-01 first, and cannot be told not to",
        TLS_ALPN01: "has no solver for it",
    },
)

_LACME = f"{_TRUSTING} lacme --config=@home@/lacme.conf"
LACME = Recipe(
    name="lacme",
    found="lacme --help",
    package="lacme",
    challenges={HTTP01: ""},
    setup=f"{_TRUST} && {_LACME} account --register --tos-agreed mailto:lacme@example.com",
    commands={
        ISSUE: f"{_LACME} newOrder",
        RENEW: f"{_LACME} newOrder --force",
        REVOKE: f"{_LACME} revokeCert chain.pem",
    },
    files={
        "lacme.conf": "config-certs = @home@/certificates.conf\n"
        "[client]\nserver = @directory@\nuser =\ngroup =\n"
        "[webserver]\nlisten = 127.0.0.1:@http01_port@\nuser =\ngroup =\n"
        "[accountd]\nconfig = @home@/accountd.conf\n",
        "accountd.conf": "privkey = file:@home@/account.pem\n",
        "certificates.conf": "[server]\ncertificate-key = @home@/key.pem\ncertificate-chain = @home@/chain.pem\n"
        "subject = /CN=@name@\nsubjectAltName = DNS:@name@\nCAfile =\n",
    },
    serves=True,
    cannot={DNS01: "has http-01 alone", TLS_ALPN01: "has http-01 alone"},
)

CADDY = Recipe(
    name="caddy",
    found="caddy version",
    package="caddy",
    challenges={HTTP01: "disable_tlsalpn_challenge", TLS_ALPN01: "disable_http_challenge"},
    commands={ISSUE: "XDG_DATA_HOME=data XDG_CONFIG_HOME=data caddy run --config Caddyfile --adapter caddyfile"},
    files={
        "Caddyfile": "{\n admin off\n skip_install_trust\n http_port @http01_port@\n https_port @tls_alpn_port@\n"
        " default_bind 127.0.0.1\n email caddy@example.com\n}\n"
        "@name@ {\n tls {\n  issuer acme @directory@ {\n   trusted_roots ca.pem\n   @how@\n  }\n }\n}\n"
    },
    chain="data/caddy/certificates/*/@name@/@name@.crt",
    key="data/caddy/certificates/*/@name@/@name@.key",
    serves=True,
    stays=True,
    cannot={RENEW: RENEWS_ITSELF, REVOKE: "has no such command", DNS01: "needs a module that Debian's lacks"},
)

_APACHE = "apache2 -X -d @home@ -f apache.conf"
APACHE = Recipe(
    name="apache-mod_md",
    found="test -e /usr/lib/apache2/modules/mod_md.so && apache2 -v",
    package="libapache2-mod-md",
    challenges={HTTP01: HTTP01, TLS_ALPN01: TLS_ALPN01, DNS01: DNS01},
    # What it has obtained, it takes into use when it starts again.
    commands={
        ISSUE: f"{_APACHE} & until grep -qs '\"finished\": *true' md/staging/@name@/job.json; do sleep 0.1; done;"
        f" kill $!; wait; {_APACHE}"
    },
    files={
        "apache.conf": "".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
            for name in ("mpm_event", "authz_core", "ssl", "md")
        )
        + "ServerName @name@\nServerAdmin apache@example.com\nUser @user@\nGroup @group@\nPidFile apache.pid\n"
        "ErrorLog /dev/stderr\nListen 127.0.0.1:@http01_port@\nListen 127.0.0.1:@tls_alpn_port@\n"
        "Protocols http/1.1 acme-tls/1\n"
        "MDStoreDir md\nMDCertificateAuthority @directory@\nMDCACertificateFile @home@/ca.pem\n"
        "MDCertificateAgreement accepted\nMDPortMap http:@http01_port@ https:@tls_alpn_port@\n"
        "MDCAChallenges @how@\nMDChallengeDns01 @home@/solver\nMDomain @name@\n"
        "<VirtualHost *:@tls_alpn_port@>\nServerName @name@\nSSLEngine on\n</VirtualHost>\n",
        "solver": '#!/bin/sh\ncase "$1" in\n'
        'setup) exec @home@/hook set-txt "$2" "$3" ;;\n*) exec @home@/hook clear-txt "$2" ;;\nesac\n',
    },
    chain="md/domains/@name@/pubcert.pem",
    key="md/domains/@name@/privkey.pem",
    serves=True,
    stays=True,
    cannot={RENEW: RENEWS_ITSELF, REVOKE: "has no such command"},
)

PROGRAMS = (CERTBOT, LEGO, DEHYDRATED, ACME_TINY, UACME, ACMETOOL, LACME, CADDY, APACHE)
