"""The ingress's figures: the names, types and labels that a dashboard holds on to."""

from prometheus_client.parser import text_string_to_metric_families

from pipeline.ingress.tally import Tally

ANSWERS = "returnline_ingress_answers_total"
FAULTS = "returnline_ingress_redis_faults_total"


def samples(tally: Tally, held: int = 0) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(tally.text(held).decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for each in families for sample in each.samples
    }


def labels(**given: str) -> frozenset[tuple[str, str]]:
    return frozenset(given.items())


def test_the_families_keep_their_names_and_types_even_before_the_first_answer() -> None:
    types = [line for line in Tally().text(0).decode().splitlines() if line.startswith("# TYPE")]

    assert types == [
        f"# TYPE {ANSWERS} counter",
        f"# TYPE {FAULTS} counter",
        "# TYPE returnline_ingress_bytes_in_flight gauge",
        "# TYPE returnline_ingress_seconds histogram",
    ]


def test_answers_are_counted_by_route_status_and_outcome_and_faults_by_kind() -> None:
    tally = Tally()
    for _ in range(2):
        tally.count("/hooks/{source}", 202, "accepted", 0.002, "")
    tally.count("/hooks/{source}", 503, "unwell", 0.002, "timeout")

    seen = samples(tally, held=7)

    assert seen[ANSWERS, labels(route="/hooks/{source}", status="202", outcome="accepted")] == 2
    assert seen[ANSWERS, labels(route="/hooks/{source}", status="503", outcome="unwell")] == 1
    assert {key: value for key, value in seen.items() if key[0] == FAULTS} == {(FAULTS, labels(kind="timeout")): 1}
    assert seen["returnline_ingress_bytes_in_flight", labels()] == 7


def test_a_time_counts_in_its_own_bucket_and_in_every_wider_one() -> None:
    tally = Tally()
    for seconds in (0.001, 0.0011, 0.25, 9.0):
        tally.count("/", 200, "alive", seconds, "")

    seen = samples(tally)
    name = "returnline_ingress_seconds"
    within = {
        edge: seen[f"{name}_bucket", labels(le=edge)] for edge in ("0.001", "0.0025", "0.1", "0.25", "5.0", "+Inf")
    }

    assert within == {"0.001": 1, "0.0025": 2, "0.1": 2, "0.25": 3, "5.0": 3, "+Inf": 4}
    assert (seen[f"{name}_count", labels()], round(seen[f"{name}_sum", labels()], 4)) == (4, 9.2521)


def test_a_label_cannot_forge_a_line() -> None:
    tally = Tally()
    tally.count("/", 200, 'x"} 1\nreturnline_ingress_answers_total{outcome="y', 0.1, "")

    assert [name for name, _ in samples(tally)].count(ANSWERS) == 1
