"""How findings read: a line each in a pipe, wrapped on a terminal, whole as JSON."""

from exporter.columns import aligned, printable
from exporter.findings import Cause, Finding, State, Style, as_json, summary

GOOD = Finding("shop", "dns", State.OK, "braze.example is 192.0.2.1")
BAD = Finding(
    "shop",
    "tls",
    State.FAILED,
    "the certificate is not trusted",
    "ca-unknown",
    "a proxy puts its own in place of it",
    "name its CA as ca_file",
)


def test_a_pipe_gets_a_line_each() -> None:
    """Whatever is in it: mistakes in settings are several."""
    settings = Finding("", "settings", State.FAILED, "one\ntwo", "settings-wrong", "why", "do")

    assert Style().write(GOOD) == "ok      shop/dns: braze.example is 192.0.2.1\n"
    assert Style().write(BAD) == (
        "failed  shop/tls: the certificate is not trusted; a proxy puts its own in place of it "
        "-> name its CA as ca_file\n"
    )
    assert Style().write(settings) == "failed  settings: one two; why -> do\n"
    assert Style().heading("shop") == ""


def test_a_terminal_gets_lines_of_its_width() -> None:
    """Reason and remedy beneath; nothing in it is torn apart."""
    text = Style(width=40).write(BAD)

    assert text == (
        "  ✘ tls         the certificate is not\n"
        "                trusted\n"
        "      why   a proxy puts its own in\n"
        "            place of it\n"
        "      do    name its CA as ca_file\n"
    )
    assert max(map(len, text.splitlines())) <= 40


def test_addresses_and_names_are_not_torn_apart() -> None:
    """They are to be copied, however narrow the terminal; all else fills the lines."""
    address = "https://rest.fra-01.braze.eu/segments/data_series"
    long = Finding(
        "shop", "dns", State.OK, f"ask {address}", why=f"it is fra-01.braze.eu at {address}"
    )

    assert Style(width=40).write(long) == (
        "  ✔ dns         ask\n"
        f"                {address}\n"
        "      why   it is fra-01.braze.eu at\n"
        f"            {address}\n"
    )
    full = Finding("", "dns", State.OK, "x" * 10 + " " + "y" * 13, why="x" * 14 + " " + "y" * 13)
    assert [len(line) for line in Style(width=40).write(full).splitlines()] == [40, 40]


def test_a_cause_says_what_is_wrong_where() -> None:
    """In the words of its row, with the details in them."""
    cause = Cause("dns", "{host} is unknown", "{server} says so", "correct {host}", State.WARNING)
    details = {"host": "braze.example", "server": "192.0.2.53"}

    assert cause.finding("host-unknown", "shop", details) == Finding(
        "shop",
        "dns",
        State.WARNING,
        "braze.example is unknown",
        "host-unknown",
        "192.0.2.53 says so",
        "correct braze.example",
    )


def test_colours_are_marks_and_headings_only() -> None:
    """So that a copy of the text is the text."""
    style = Style(width=80, colour=True)

    assert style.write(GOOD) == "  \x1b[32m✔\x1b[0m dns         braze.example is 192.0.2.1\n"
    assert style.heading("shop") == "\x1b[1mshop\x1b[0m\n"
    assert Style(width=80).heading("shop") == "shop\n"


def test_programs_are_told_whether_all_is_well() -> None:
    """A warning is no failure."""
    warning = Finding("shop", "app", State.WARNING, "no sessions", "app-silent")

    assert as_json([GOOD, warning], {"shop": 3})["ok"] is True
    told = as_json([GOOD, BAD], {"shop": 3})
    assert told["ok"] is False
    assert told["requests"] == {"shop": 3}
    assert told["findings"] == [
        {
            "workspace": finding.workspace,
            "check": finding.check,
            "state": finding.state.value,
            "what": finding.what,
            "cause": finding.cause,
            "why": finding.why,
            "remedy": finding.remedy,
        }
        for finding in (GOOD, BAD)
    ]


def test_the_summary_counts_what_there_is() -> None:
    """Each state that there is, and the requests."""
    assert summary([GOOD], 2) == "1 ok; 2 requests to Braze\n"
    assert summary([GOOD, GOOD, BAD], 1) == "2 ok, 1 failed; 1 request to Braze\n"


def test_columns_are_as_wide_as_they_look() -> None:
    """Names of Braze may be of any script; none of them moves what stands right of it."""
    rows = [("NAME", "SIZE"), ("東京", "1"), ("Zu\u0308rich", "1,000")]

    assert aligned(rows, right=[1]) == "NAME     SIZE\n東京        1\nZu\u0308rich  1,000\n"


def test_a_terminal_is_not_given_orders() -> None:
    """Control characters of a name are shown, not obeyed; nor can half a character be printed."""
    assert printable("a\x1b[2J\nb\u2028c\ud800") == "a\\x1b[2J\\nb\\u2028c\\ud800"
