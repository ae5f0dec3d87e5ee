"""What can be wrong on the way to Braze, and with this machine."""

from exporter.findings import Cause, State

WAY: dict[str, Cause] = {
    "settings-wrong": Cause(
        "settings",
        "{mistakes}",
        "nothing else can be checked before",
        "correct each at its place; docs/configuration.md explains every setting",
    ),
    "key-unreadable": Cause(
        "key",
        "the file of the API key {problem}",
        "without a key there is nothing to ask Braze with",
        "write the key, and nothing else, into {path}, and let this user read it",
    ),
    "proxy-unknown": Cause(
        "proxy",
        "the proxy's host {proxy} has no address ({detail})",
        "the environment says to go through it: {variables}",
        "correct that variable, or name {host} in NO_PROXY",
    ),
    "proxy-unreachable": Cause(
        "proxy",
        "the proxy {proxy} takes no connection ({detail})",
        "the environment says to go through it: {variables}",
        "start the proxy, correct that variable, or name {host} in NO_PROXY",
    ),
    "proxy-refuses": Cause(
        "proxy",
        "the proxy {proxy} refuses to connect to {host}:{port} ({detail})",
        "its rules do not allow it",
        "have {host}:{port} allowed there, or name {host} in NO_PROXY to go without it",
    ),
    "proxy-login": Cause(
        "proxy",
        "the proxy {proxy} wants another user or password ({detail})",
        "none are in the variable that names it, or wrong ones",
        "write them as http://USER:PASSWORD@{proxy}, with special characters percent-encoded",
    ),
    "proxy-odd": Cause(
        "proxy",
        "{proxy} does not answer as an HTTP proxy does ({detail})",
        "something else listens there, or it is a proxy of another kind",
        "name an HTTP proxy in {variables}, or name {host} in NO_PROXY",
    ),
    "host-unknown": Cause(
        "dns",
        "the host {host} has no address ({detail})",
        "it is misspelt, or this machine's resolver does not know names of the internet",
        "write the instance's name, such as US-01, as endpoint; if that host is right, look at "
        "/etc/resolv.conf, or set HTTPS_PROXY where only a proxy gets out",
    ),
    "dns-silent": Cause(
        "dns",
        "the resolver did not say whether {host} has an address ({detail})",
        "this machine's name servers do not answer",
        "look at /etc/resolv.conf, at the network policy (port 53), or set HTTPS_PROXY where only "
        "a proxy gets out",
    ),
    "port-closed": Cause(
        "tcp",
        "{host} refuses connections on port {port} ({detail})",
        "nothing listens there",
        "correct the port of endpoint; Braze's own is 443, which needs no port in it",
    ),
    "unreachable": Cause(
        "tcp",
        "no connection to {host}:{port} ({detail})",
        "a firewall or network policy drops what this machine sends, or there is no route",
        "allow outgoing TCP to {host}:{port}, or set HTTPS_PROXY where only a proxy gets out",
    ),
    "plain-port": Cause(
        "tls",
        "{host}:{port} speaks no TLS ({detail})",
        "endpoint begins with https://, but that port speaks plain HTTP or something else",
        "correct the port; a proxy or test of your own without TLS is written http://, with "
        "allow_http: true unless it runs on this machine",
    ),
    "ca-unknown": Cause(
        "tls",
        "the certificate of {host} comes from a CA that is not trusted ({detail})",
        "a proxy that looks into TLS puts its own certificate in place of Braze's, or the CAs here "
        "({bundle}) are old",
        "write the CA's certificate, in PEM, into a file and name it as ca_file",
    ),
    "ca-file": Cause(
        "tls",
        "the CA certificates {bundle} cannot be used ({detail})",
        "the file is missing, may not be read or holds no certificate in PEM",
        "correct ca_file (or REQUESTS_CA_BUNDLE), or remove it to trust the usual CAs",
    ),
    "wrong-name": Cause(
        "tls",
        "the certificate is for another name than {host} ({detail})",
        "endpoint names an alias, or a proxy or captive portal answers in Braze's place",
        "write the instance's name, such as US-01, or the host of the certificate as endpoint",
    ),
    "certificate-time": Cause(
        "tls",
        "the certificate of {host} is not valid at this machine's time, {time} ({detail})",
        "it has expired, or the clock here is wrong",
        "set the clock (NTP) if that is not the time; else whoever runs {host} has to renew it",
    ),
    "tls-broken": Cause(
        "tls",
        "no TLS connection to {host}:{port} ({detail})",
        "a firewall ends connections by what they are for, or the two share no version of TLS",
        "let {host}:{port} pass untouched, or go through the proxy that may",
    ),
    "unencrypted": Cause(
        "tls",
        "the key travels to {host} unencrypted",
        "endpoint begins with http:// and allow_http is on",
        "use https:// unless you trust every machine on the way",
        State.WARNING,
    ),
    "tls-expected": Cause(
        "answer",
        "{host}:{port} expects TLS, and endpoint begins with http://",
        "it does not understand a request without",
        "write endpoint with https://",
    ),
    "no-answer": Cause(
        "answer",
        "no answer to a request ({detail})",
        "the connection stands, but Braze or something between did not answer",
        "try again in a minute; see https://status.braze.com; allow more time with poll.timeout",
    ),
    "server-error": Cause(
        "answer",
        "Braze answers with an error of its own ({detail})",
        "it, or a proxy before it, is in trouble",
        "try again in some minutes; see https://status.braze.com",
    ),
    "not-braze": Cause(
        "answer",
        "what answers on {host} is no REST API of Braze ({detail})",
        "endpoint leads to another service, a login page or a proxy's page",
        "write the instance's name, such as US-01, or the URL of the REST API as endpoint",
    ),
    "clock-off": Cause(
        "clock",
        "this machine's clock is {difference} {side} Braze's",
        "what is complete is judged by it, and Braze refuses to read a future",
        "set the clock, best with NTP (timedatectl set-ntp true); a container has its host's clock",
    ),
    "port-taken": Cause(
        "port",
        "{address} is taken by another program",
        "the exporter cannot serve its metrics there",
        "stop that program, or set web.listen_address to another port",
    ),
    "port-forbidden": Cause(
        "port",
        "this user may not listen on {address}",
        "ports below 1024 are for the administrator",
        "set web.listen_address to a port above 1023, such as :10068",
    ),
    "address-foreign": Cause(
        "port",
        "{address} is no address of this machine ({detail})",
        "one can only listen on one's own",
        "set web.listen_address to :PORT, or to an address of this machine",
    ),
}
