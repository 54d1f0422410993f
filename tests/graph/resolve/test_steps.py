"""The eight steps sentence by sentence, worked by hand; each example runs on the fast resolver and on the reference."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graph.model import Fragment, Judgement
from graph.resolve.rules import Rules
from graph.resolve.whole import resolve
from tests.build import distinct, fragment, same
from tests.reference import Reference, as_reference, reference_resolve

Resolver = Callable[..., Reference]


@pytest.fixture(params=["fast", "reference"])
def resolved(request: pytest.FixtureRequest) -> Resolver:
    """Rules and any evidence in, what is made of it out."""

    def answer(rules: Rules, *evidence: Fragment | Judgement) -> Reference:
        fragments = [each for each in evidence if isinstance(each, Fragment)]
        judgements = [each for each in evidence if isinstance(each, Judgement)]
        if request.param == "fast":
            return as_reference(resolve(fragments, judgements, rules))
        return reference_resolve(fragments, judgements, rules)

    return answer


def rules(*namespaces: str, max_identifiers: int | None = None) -> Rules:
    """Namespaces, strongest first, each as `name key=value …`."""
    lines = []
    for namespace in namespaces:
        name, *keys = namespace.split()
        lines += ["[[namespace]]", f'name = "{name}"']
        for key, value in (each.split("=", 1) for each in keys):
            lines.append(f'{key} = "{value}"' if value.isalpha() else f"{key} = {value}")
    if max_identifiers is not None:
        lines += ["[profile]", f"max_identifiers = {max_identifiers}"]
    return Rules.parse("\n".join(lines))


def people(found: Reference) -> set[str]:
    """Profiles as one text each, `a:1 b:2`."""
    return {" ".join(sorted(each.text for each in profile)) for profile in found.profiles}


def refused(found: Reference) -> set[str]:
    """Refusals as one text each, `a:1 b:2 limit(a)`; judgements begin with their kind."""
    return {
        ("" if each.kind == "link" else f"{each.kind} ")
        + f"{each.a} {each.b} {each.rule}"
        + (f"({each.namespace})" if each.namespace else "")
        for each in found.refused
    }


def texts(found: frozenset) -> set[str]:  # type: ignore[type-arg]
    return {each.text for each in found}


class TestVersions:
    """ "Of its versions the one with the latest `observed_at` counts, among equals the last recorded; the others are history." """

    def test_the_latest_version_counts_whenever_it_was_recorded(self, resolved: Resolver) -> None:
        newer, older = fragment("user:1", "mail:a", at=5, id="r"), fragment("user:1", "mail:b", at=4, id="r")

        assert people(resolved(rules(), newer, older)) == {"mail:a user:1"}

    def test_among_equal_times_the_last_recorded_counts(self, resolved: Resolver) -> None:
        first, second = fragment("user:1", "mail:a", at=5, id="r"), fragment("user:1", "mail:b", at=5, id="r")

        assert people(resolved(rules(), first, second)) == {"mail:b user:1"}

    def test_content_equal_to_an_earlier_version_changes_nothing(self, resolved: Resolver) -> None:
        first, second = fragment("user:1", "mail:a", at=5, id="r"), fragment("user:1", "mail:b", at=5, id="r")

        assert people(resolved(rules(), first, second, first)) == {"mail:b user:1"}

    def test_other_order_of_identifiers_is_other_content(self, resolved: Resolver) -> None:
        first, second = fragment("user:1", "mail:a", at=5, id="r"), fragment("user:1", "mail:b", at=5, id="r")
        turned = fragment("mail:a", "user:1", at=5, id="r")

        assert people(resolved(rules(), first, second, turned)) == {"mail:a user:1"}

    def test_records_of_two_sources_are_two(self, resolved: Resolver) -> None:
        crm = fragment("user:1", "mail:a", id="r", source="crm")
        web = fragment("user:1", "mail:b", id="r", source="web")

        assert people(resolved(rules(), crm, web)) == {"mail:a mail:b user:1"}

    def test_blocked_values_of_history_are_not_listed(self, resolved: Resolver) -> None:
        found = resolved(rules(), fragment("user:null", at=1, id="r"), fragment("user:1", at=2, id="r"))

        assert (people(found), found.blocked) == ({"user:1"}, frozenset())


class TestNormalise:
    """Step 1."""

    def test_a_blocked_value_becomes_no_identifier_and_the_fragment_keeps_its_others(self, resolved: Resolver) -> None:
        found = resolved(rules(), fragment("user: NULL", "mail:a", "phone:1"))

        assert people(found) == {"mail:a phone:1"}
        assert found.blocked == {"user: NULL"}

    def test_a_blocked_value_joins_nobody(self, resolved: Resolver) -> None:
        found = resolved(rules('mail blocked=["x"]'), fragment("user:1", "mail:x"), fragment("user:2", "mail:x"))

        assert people(found) == {"user:1", "user:2"}
        assert refused(found) == set()

    def test_equal_after_normalising_is_one_identifier(self, resolved: Resolver) -> None:
        found = resolved(rules("mail normalise=lowercase"), fragment("mail:ADA", "user:1"), fragment("mail: ada", "user:2"))

        assert people(found) == {"mail:ada user:1 user:2"}

    def test_one_identifier_written_twice_does_not_contradict_itself(self, resolved: Resolver) -> None:
        found = resolved(rules("mail normalise=lowercase limit=1"), fragment("mail:ADA", "mail:ada", "user:1"))

        assert (people(found), refused(found)) == ({"mail:ada user:1"}, set())

    def test_a_fragment_of_one_identifier_makes_it_known(self, resolved: Resolver) -> None:
        assert people(resolved(rules(), fragment("user:1"))) == {"user:1"}

    def test_a_fragment_of_blocked_values_makes_nothing_known(self, resolved: Resolver) -> None:
        assert people(resolved(rules(), fragment("user:null", "mail:"))) == set()


class TestJudge:
    """Step 2."""

    def test_a_judgement_makes_its_identifiers_known(self, resolved: Resolver) -> None:
        assert people(resolved(rules(), distinct("user:1", "user:2"))) == {"user:1", "user:2"}

    def test_the_newer_word_wins_when_it_is_same(self, resolved: Resolver) -> None:
        found = resolved(rules(), distinct("user:1", "user:2", at=1), same("user:2", "user:1", at=2))

        assert people(found) == {"user:1 user:2"}
        assert refused(found) == {"distinct user:1 user:2 same"}

    def test_the_newer_word_wins_when_it_is_distinct(self, resolved: Resolver) -> None:
        found = resolved(rules(), distinct("user:1", "user:2", at=2), same("user:1", "user:2", at=1))

        assert people(found) == {"user:1", "user:2"}
        assert refused(found) == {"same user:1 user:2 distinct"}

    def test_at_one_instant_distinct_comes_before_same(self, resolved: Resolver) -> None:
        found = resolved(rules(), same("user:1", "user:2", at=1), distinct("user:1", "user:2", at=1))

        assert refused(found) == {"same user:1 user:2 distinct"}

    def test_at_one_instant_and_of_one_kind_the_smaller_text_comes_first(self, resolved: Resolver) -> None:
        found = resolved(rules(), distinct("user:1", "user:3", at=9), same("user:3", "user:2", at=1), same("user:2", "user:1", at=1))

        assert people(found) == {"user:1 user:2", "user:3"}
        assert refused(found) == {"same user:2 user:3 distinct"}

    def test_the_smaller_text_of_a_pair_decides_before_its_larger(self, resolved: Resolver) -> None:
        found = resolved(
            rules(),
            same("user:1", "user:2", at=9),
            distinct("user:3", "user:9", at=9),
            same("user:2", "user:3", at=1),
            same("user:1", "user:9", at=1),
        )

        assert people(found) == {"user:1 user:2 user:9", "user:3"}

    def test_the_order_is_by_text_not_by_strength(self, resolved: Resolver) -> None:
        found = resolved(
            rules("zeta", "alpha"),
            distinct("zeta:1", "alpha:1", at=9),
            same("zeta:1", "mid:1", at=1),
            same("alpha:1", "mid:1", at=1),
        )

        assert people(found) == {"alpha:1 mid:1", "zeta:1"}

    def test_same_joins_through_others(self, resolved: Resolver) -> None:
        found = resolved(rules(), same("user:1", "user:2", at=3), same("user:2", "user:3", at=2), distinct("user:1", "user:3", at=1))

        assert people(found) == {"user:1 user:2 user:3"}
        assert refused(found) == {"distinct user:1 user:3 same"}

    def test_same_is_refused_where_its_groups_hold_a_distinct_pair(self, resolved: Resolver) -> None:
        found = resolved(
            rules(),
            distinct("user:1", "user:4", at=9),
            same("user:1", "user:2", at=3),
            same("user:3", "user:4", at=2),
            same("user:2", "user:3", at=1),
        )

        assert people(found) == {"user:1 user:2", "user:3 user:4"}
        assert refused(found) == {"same user:2 user:3 distinct"}

    def test_a_refused_word_parts_nobody(self, resolved: Resolver) -> None:
        """The refused `distinct` of time 2 does not stand in the way of the older `same` of time 1."""
        found = resolved(
            rules(),
            same("user:1", "user:2", at=3),
            distinct("user:1", "user:2", at=2),
            same("user:2", "user:3", at=1),
        )

        assert people(found) == {"user:1 user:2 user:3"}

    def test_a_pair_with_a_blocked_end_is_void(self, resolved: Resolver) -> None:
        found = resolved(rules(), same("user:1", "user:null"), distinct("user:2", "user:none"))

        assert people(found) == {"user:1", "user:2"}
        assert refused(found) == set()
        assert found.blocked == {"user:none", "user:null"}

    def test_one_identifier_is_the_same_as_itself(self, resolved: Resolver) -> None:
        found = resolved(rules("mail normalise=lowercase"), same("mail:A", "mail:a", at=1), distinct("mail:A", "mail:a", at=2))

        assert people(found) == {"mail:a"}
        assert refused(found) == {"distinct mail:a mail:a same"}

    def test_a_group_counts_as_one_towards_a_limit(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1"),
            fragment("user:1", "mail:a"),
            fragment("user:2", "mail:a"),
            same("user:1", "user:2"),
        )

        assert people(found) == {"mail:a user:1 user:2"}
        assert refused(found) == set()

    def test_two_groups_count_as_two(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "mail"),
            fragment("user:1", "mail:a", at=1),
            fragment("user:3", "mail:a", at=2),
            same("user:1", "user:2"),
        )

        assert people(found) == {"mail:a user:3", "user:1 user:2"}
        assert refused(found) == {"mail:a user:1 limit(user)"}

    def test_a_group_counts_once_in_each_of_its_namespaces(self, resolved: Resolver) -> None:
        """{user:1, mail:a} is one user and one mail: user:2 and mail:b are each one too many."""
        found = resolved(
            rules("user limit=1", "mail limit=1", "phone"),
            same("user:1", "mail:a"),
            fragment("user:1", "phone:1", at=3),
            fragment("mail:b", "phone:1", at=2),
            fragment("user:2", "phone:1", at=1),
        )

        assert people(found) == {"mail:a phone:1 user:1", "mail:b", "user:2"}
        assert refused(found) == {"mail:b phone:1 limit(mail)", "phone:1 user:2 limit(user)"}

    def test_same_may_pass_max_identifiers_and_members_count_singly(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "mail", max_identifiers=2),
            same("user:1", "user:2"),
            same("user:2", "user:3"),
            fragment("user:1", "mail:a"),
        )

        assert people(found) == {"mail:a", "user:1 user:2 user:3"}
        assert refused(found) == {"mail:a user:1 max_identifiers"}

    def test_same_joins_beyond_a_limit(self, resolved: Resolver) -> None:
        found = resolved(rules("user limit=1"), fragment("user:1"), fragment("user:2"), same("user:1", "user:2"))

        assert people(found) == {"user:1 user:2"}

    def test_distinct_holds_through_others(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "mail"),
            fragment("user:1", "mail:a", at=1),
            fragment("user:2", "mail:a", at=2),
            distinct("user:1", "user:2"),
        )

        assert people(found) == {"mail:a user:2", "user:1"}
        assert refused(found) == {"mail:a user:1 distinct"}


class TestContradictions:
    """Step 3."""

    def test_contradictory_identifiers_link_nothing_and_the_others_do(self, resolved: Resolver) -> None:
        found = resolved(rules("user limit=1"), fragment("user:1", "user:2", "mail:a", "phone:1"))

        assert people(found) == {"mail:a phone:1", "user:1", "user:2"}
        assert refused(found) == {
            "mail:a user:1 contradiction",
            "mail:a user:2 contradiction",
            "phone:1 user:1 contradiction",
            "phone:1 user:2 contradiction",
            "user:1 user:2 contradiction",
        }

    def test_as_many_as_the_limit_are_no_contradiction(self, resolved: Resolver) -> None:
        found = resolved(rules("user limit=2"), fragment("user:1", "user:2", "mail:a"))

        assert (people(found), refused(found)) == ({"mail:a user:1 user:2"}, set())

    def test_a_judged_group_does_not_contradict_itself(self, resolved: Resolver) -> None:
        found = resolved(rules("user limit=1"), fragment("user:1", "user:2", "mail:a"), same("user:1", "user:2"))

        assert (people(found), refused(found)) == ({"mail:a user:1 user:2"}, set())

    def test_a_link_counts_from_the_fragments_that_carry_it_cleanly(self, resolved: Resolver) -> None:
        """mail:a is seen with user:1 cleanly at 1 only, with user:3 at 5: the contradictory sighting of 9 does not count."""
        found = resolved(
            rules("user limit=1", "mail"),
            fragment("user:1", "mail:a", at=1),
            fragment("user:3", "mail:a", at=5),
            fragment("user:1", "user:2", "mail:a", at=9),
        )

        assert people(found) == {"mail:a user:3", "user:1", "user:2"}
        assert refused(found) == {
            "mail:a user:1 limit(user)",
            "mail:a user:2 contradiction",
            "user:1 user:2 contradiction",
        }

    def test_every_pair_of_a_fragment_is_linked(self, resolved: Resolver) -> None:
        """user:1 is parted from mail:a; in the layer of phone:1, linked to both, user:1 is the stronger other end."""
        found = resolved(rules("user", "mail", "phone"), fragment("user:1", "mail:a", "phone:1"), distinct("user:1", "mail:a"))

        assert people(found) == {"mail:a", "phone:1 user:1"}
        assert refused(found) == {"mail:a user:1 distinct", "mail:a phone:1 distinct"}

    def test_below_min_score_a_link_is_refused(self, resolved: Resolver) -> None:
        found = resolved(rules("user", "mail min_score=0.5"), fragment("user:1", "mail:a", score=0.4))

        assert (people(found), refused(found)) == ({"mail:a", "user:1"}, {"mail:a user:1 score"})

    def test_at_min_score_it_is_not(self, resolved: Resolver) -> None:
        found = resolved(rules("user", "mail min_score=0.5"), fragment("user:1", "mail:a", score=0.5))

        assert people(found) == {"mail:a user:1"}

    def test_min_score_stands_on_the_weaker_ends_namespace(self, resolved: Resolver) -> None:
        found = resolved(rules("user min_score=0.9", "mail"), fragment("user:1", "mail:a", score=0.4))

        assert people(found) == {"mail:a user:1"}

    def test_the_score_is_the_highest_of_the_fragments(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "mail min_score=0.5"),
            fragment("user:1", "mail:a", score=0.4, at=2),
            fragment("user:1", "mail:a", score=0.6, at=1),
        )

        assert people(found) == {"mail:a user:1"}

    def test_there_is_no_score_where_one_fragment_has_none(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "mail min_score=0.5"),
            fragment("user:1", "mail:a", score=0.4),
            fragment("user:1", "mail:a"),
        )

        assert people(found) == {"mail:a user:1"}

    def test_a_contradictory_fragment_gives_no_score(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "mail min_score=0.5"),
            fragment("user:1", "mail:a", score=0.4),
            fragment("user:1", "user:2", "mail:a", score=0.9),
        )

        assert people(found) == {"mail:a", "user:1", "user:2"}
        assert "mail:a user:1 score" in refused(found)

    def test_a_link_with_a_low_score_counts_for_nothing(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "mail shared_above=1 min_score=0.5"),
            fragment("user:1", "mail:a"),
            fragment("user:2", "mail:a", score=0.4),
        )

        assert (people(found), texts(found.shared)) == ({"mail:a user:1", "user:2"}, set())


class TestShared:
    """Step 4."""

    def test_more_than_shared_above_of_one_stronger_namespace_is_shared(self, resolved: Resolver) -> None:
        found = resolved(rules("user", "phone shared_above=1"), fragment("user:1", "phone:1"), fragment("user:2", "phone:1"))

        assert people(found) == {"phone:1", "user:1", "user:2"}
        assert texts(found.shared) == {"phone:1"}
        assert refused(found) == {"phone:1 user:1 shared", "phone:1 user:2 shared"}

    def test_as_many_as_shared_above_is_not(self, resolved: Resolver) -> None:
        found = resolved(rules("user", "phone shared_above=2"), fragment("user:1", "phone:1"), fragment("user:2", "phone:1"))

        assert (people(found), texts(found.shared)) == ({"phone:1 user:1 user:2"}, set())

    def test_each_stronger_namespace_is_counted_by_itself(self, resolved: Resolver) -> None:
        found = resolved(rules("user", "mail", "phone shared_above=1"), fragment("user:1", "mail:a", "phone:1"))

        assert texts(found.shared) == set()

    def test_equal_and_weaker_namespaces_do_not_count_towards_shared_above(self, resolved: Resolver) -> None:
        found = resolved(
            rules("phone shared_above=1", "device"),
            fragment("phone:1", "phone:2", "device:1"),
            fragment("phone:1", "phone:3", "device:2"),
        )

        assert texts(found.shared) == set()

    def test_a_judged_group_counts_as_one(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "phone shared_above=1"),
            fragment("user:1", "phone:1"),
            fragment("user:2", "phone:1"),
            same("user:1", "user:2"),
        )

        assert (people(found), texts(found.shared)) == ({"phone:1 user:1 user:2"}, set())

    def test_judgements_do_not_count(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "phone shared_above=1"),
            fragment("user:1", "phone:1"),
            same("user:2", "phone:1"),
            same("user:3", "phone:1"),
        )

        assert (people(found), texts(found.shared)) == ({"phone:1 user:1 user:2 user:3"}, set())

    def test_links_of_contradictions_do_not_count(self, resolved: Resolver) -> None:
        found = resolved(rules("user limit=1", "phone shared_above=1"), fragment("user:1", "user:2", "phone:1"))

        assert texts(found.shared) == set()

    def test_there_is_one_pass_links_to_shared_identifiers_count(self, resolved: Resolver) -> None:
        """phone:1 is shared by two users; device:1 is linked to phone:1 and phone:2, so it is shared too."""
        found = resolved(
            rules("user", "phone shared_above=1", "device shared_above=1"),
            fragment("user:1", "phone:1"),
            fragment("user:2", "phone:1"),
            fragment("phone:1", "device:1"),
            fragment("phone:2", "device:1"),
        )

        assert texts(found.shared) == {"device:1", "phone:1"}
        assert people(found) == {"device:1", "phone:1", "phone:2", "user:1", "user:2"}

    def test_more_than_max_identifiers_of_as_strong_ones_together_is_shared(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "mail", "phone", max_identifiers=2),
            fragment("user:1", "phone:2"),
            fragment("mail:a", "phone:2"),
            fragment("phone:3", "phone:2"),
        )

        assert texts(found.shared) == {"phone:2"}

    def test_weaker_ones_do_not_count_towards_max_identifiers(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "phone", max_identifiers=2),
            fragment("user:1", "phone:1"),
            fragment("user:1", "phone:2"),
            fragment("user:1", "phone:3"),
        )

        assert texts(found.shared) == set()

    def test_members_of_a_group_count_singly_towards_max_identifiers(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "phone", max_identifiers=2),
            fragment("user:1", "phone:1"),
            fragment("user:2", "phone:1"),
            fragment("user:3", "phone:1"),
            same("user:1", "user:2"),
            same("user:2", "user:3"),
        )

        assert texts(found.shared) == {"phone:1"}

    def test_a_shared_identifier_stays_with_whom_it_is_judged_the_same(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "phone shared_above=1"),
            fragment("user:1", "phone:1"),
            fragment("user:2", "phone:1"),
            same("user:1", "phone:1"),
        )

        assert people(found) == {"phone:1 user:1", "user:2"}
        assert texts(found.shared) == {"phone:1"}
        assert refused(found) == {"phone:1 user:1 shared", "phone:1 user:2 shared"}

    def test_each_is_tested_by_its_own_links_and_others_of_its_group_keep_theirs(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "phone shared_above=1"),
            fragment("user:1", "phone:1"),
            fragment("user:2", "phone:1"),
            fragment("user:3", "phone:2"),
            same("phone:1", "phone:2"),
        )

        assert people(found) == {"phone:1 phone:2 user:3", "user:1", "user:2"}
        assert texts(found.shared) == {"phone:1"}


class TestStars:
    """Step 5; the `distinct` pairs leave room in the profile, so that only the star can refuse."""

    def test_a_star_keeps_the_first_of_its_layer(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "cookie", max_identifiers=2),
            fragment("user:1", "cookie:1", at=1),
            fragment("user:1", "cookie:2", at=2),
            fragment("user:1", "cookie:3", at=3),
            distinct("user:1", "cookie:2"),
            distinct("user:1", "cookie:3"),
        )

        assert people(found) == {"cookie:1", "cookie:2", "cookie:3", "user:1"}
        assert refused(found) == {
            "cookie:1 user:1 max_identifiers",
            "cookie:2 user:1 distinct",
            "cookie:3 user:1 distinct",
        }

    def test_where_the_oldest_wins_it_keeps_the_oldest(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "cookie conflict=oldest", max_identifiers=1),
            fragment("user:1", "cookie:1", at=1),
            fragment("user:1", "cookie:2", at=2),
            distinct("user:1", "cookie:1"),
        )

        assert refused(found) == {"cookie:1 user:1 distinct", "cookie:2 user:1 max_identifiers"}

    def test_where_conflicts_park_it_keeps_the_newest_whatever_the_score(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "cookie conflict=park", max_identifiers=1),
            fragment("user:1", "cookie:1", at=1),
            fragment("user:1", "cookie:2", at=2, score=0.1),
        )

        assert texts(found.parked) == {"cookie:2"}
        assert refused(found) == {"cookie:1 user:1 max_identifiers", "cookie:2 user:1 park"}

    def test_links_without_a_score_come_first_in_a_star(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "cookie", max_identifiers=1),
            fragment("user:1", "cookie:1", at=1),
            fragment("user:1", "cookie:2", at=2, score=0.9),
            distinct("user:1", "cookie:1"),
        )

        assert refused(found) == {"cookie:1 user:1 distinct", "cookie:2 user:1 max_identifiers"}

    def test_each_weaker_namespace_is_a_star_of_its_own(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "cookie", "tag", max_identifiers=2),
            fragment("user:1", "cookie:1"),
            fragment("user:1", "cookie:2"),
            fragment("user:1", "tag:1"),
            distinct("user:1", "cookie:1"),
            distinct("user:1", "cookie:2"),
        )

        assert people(found) == {"cookie:1", "cookie:2", "tag:1 user:1"}

    def test_shared_ones_take_no_place_in_a_star(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "cookie shared_above=1", max_identifiers=2),
            fragment("user:1", "cookie:1", at=1),
            fragment("user:1", "cookie:2", at=8),
            fragment("user:1", "cookie:3", at=9),
            fragment("user:2", "cookie:2", at=8),
            fragment("user:2", "cookie:3", at=9),
        )

        assert people(found) == {"cookie:1 user:1", "cookie:2", "cookie:3", "user:2"}

    def test_a_star_is_one_identifiers_not_its_groups(self, resolved: Resolver) -> None:
        """user:1 and user:2 are one person with two stars, of two cookies and one; none is too large, so all three are tried."""
        found = resolved(
            rules("user", "cookie", max_identifiers=2),
            same("user:1", "user:2"),
            fragment("user:1", "cookie:1", at=1),
            fragment("user:1", "cookie:2", at=2),
            fragment("user:2", "cookie:3", at=3),
            distinct("user:1", "cookie:1"),
            distinct("user:1", "cookie:2"),
        )

        assert refused(found) == {
            "cookie:1 user:1 distinct",
            "cookie:2 user:1 distinct",
            "cookie:3 user:2 max_identifiers",
        }


class TestComponents:
    """Step 6."""

    def test_connected_by_usable_links_and_same_is_one_profile(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=2", "mail", max_identifiers=4),
            fragment("user:1", "mail:a"),
            fragment("user:2", "mail:b"),
            same("mail:a", "mail:b"),
        )

        assert people(found) == {"mail:a mail:b user:1 user:2"}

    def test_a_component_without_a_conflict_parks_nobody(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=2", "mail conflict=park"),
            fragment("user:1", "mail:a"),
            fragment("user:2", "mail:a"),
        )

        assert (people(found), texts(found.parked)) == ({"mail:a user:1 user:2"}, set())


class TestUnion:
    """Step 7."""

    def test_the_strongest_layer_comes_first_whatever_the_times(self, resolved: Resolver) -> None:
        """mail:a belongs to user:1 by the old link of the mail layer; the new device link of user:2 comes too late for it."""
        found = resolved(
            rules("user limit=1", "mail", "device"),
            fragment("user:1", "mail:a", at=1),
            fragment("user:2", "device:1", at=9),
            fragment("mail:a", "device:1", at=5),
        )

        assert people(found) == {"device:1 user:2", "mail:a user:1"}
        assert refused(found) == {"device:1 mail:a limit(user)"}

    def test_the_layer_is_that_of_the_weaker_end(self, resolved: Resolver) -> None:
        """Both links have user:1 in them; mail is the stronger of the weaker ends."""
        found = resolved(
            rules("user", "mail", "device", max_identifiers=2),
            fragment("user:1", "device:1", at=9),
            fragment("user:1", "mail:a", at=1),
        )

        assert people(found) == {"device:1", "mail:a user:1"}

    def test_undeclared_namespaces_are_weakest_in_name_order(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", max_identifiers=2),
            fragment("user:1", "b:1", at=9),
            fragment("user:1", "a:1", at=1),
        )

        assert people(found) == {"a:1 user:1", "b:1"}

    def test_newest_takes_the_latest_last_sighting(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "device conflict=newest"),
            fragment("user:1", "device:1", at=1),
            fragment("user:2", "device:1", at=2),
            fragment("user:1", "device:1", at=3),
        )

        assert people(found) == {"device:1 user:1", "user:2"}

    def test_newest_is_what_holds_where_nothing_is_said(self, resolved: Resolver) -> None:
        found = resolved(rules("user limit=1"), fragment("user:1", "device:1", at=1), fragment("user:2", "device:1", at=2))

        assert people(found) == {"device:1 user:2", "user:1"}

    def test_oldest_takes_the_earliest_first_sighting(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "device conflict=oldest"),
            fragment("user:1", "device:1", at=2),
            fragment("user:2", "device:1", at=1),
            fragment("user:2", "device:1", at=9),
        )

        assert people(found) == {"device:1 user:2", "user:1"}

    def test_at_one_time_the_stronger_other_end_comes_first(self, resolved: Resolver) -> None:
        found = resolved(
            rules("zeta", "alpha", "device", max_identifiers=2),
            fragment("alpha:1", "device:1"),
            fragment("zeta:1", "device:1"),
        )

        assert people(found) == {"alpha:1", "device:1 zeta:1"}

    def test_then_the_smaller_text_of_that_end(self, resolved: Resolver) -> None:
        found = resolved(rules("user limit=1", "device"), fragment("user:2", "device:1"), fragment("user:10", "device:1"))

        assert people(found) == {"device:1 user:10", "user:2"}

    def test_then_the_smaller_text_of_the_weaker_end(self, resolved: Resolver) -> None:
        found = resolved(rules("user", "device", max_identifiers=2), fragment("user:1", "device:2"), fragment("user:1", "device:1"))

        assert people(found) == {"device:1 user:1", "device:2"}

    def test_the_stronger_ends_text_comes_before_the_weaker_ends(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "device limit=1"),
            same("user:1", "user:2"),
            fragment("user:1", "device:9"),
            fragment("user:2", "device:1"),
        )

        assert people(found) == {"device:1", "device:9 user:1 user:2"}

    def test_texts_are_ordered_by_code_point(self, resolved: Resolver) -> None:
        found = resolved(rules("user limit=1", "device"), fragment("user:a", "device:1"), fragment("user:Z", "device:1"))

        assert people(found) == {"device:1 user:Z", "user:a"}

    def test_of_one_namespace_the_later_text_is_the_weaker_end(self, resolved: Resolver) -> None:
        """Stronger ends user:1 and user:2: (user:1, user:3) comes before (user:2, user:3)."""
        found = resolved(rules("user limit=2"), fragment("user:3", "user:2"), fragment("user:3", "user:1"))

        assert people(found) == {"user:1 user:3", "user:2"}
        assert refused(found) == {"user:2 user:3 limit(user)"}

    def test_observed_links_come_before_scored_ones_of_their_layer(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "device"),
            fragment("user:1", "device:1", at=1),
            fragment("user:2", "device:1", at=9, score=1.0),
        )

        assert people(found) == {"device:1 user:1", "user:2"}

    def test_a_scored_link_of_a_stronger_layer_still_comes_first(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "mail", "device", max_identifiers=2),
            fragment("user:1", "mail:a", score=0.1),
            fragment("user:1", "device:1"),
        )

        assert people(found) == {"device:1", "mail:a user:1"}

    def test_scored_links_go_by_score_then_by_time(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "device"),
            fragment("user:1", "device:1", at=1, score=0.9),
            fragment("user:2", "device:1", at=9, score=0.8),
            fragment("user:3", "device:2", at=1, score=0.7),
            fragment("user:4", "device:2", at=2, score=0.7),
        )

        assert people(found) == {"device:1 user:1", "user:2", "user:3", "device:2 user:4"}

    def test_links_inside_a_profile_are_accepted(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "mail", "device", max_identifiers=2),
            same("user:1", "mail:a"),
            same("mail:a", "device:1"),
            fragment("user:1", "device:1"),
            fragment("mail:a", "device:2"),
        )

        assert people(found) == {"device:1 mail:a user:1", "device:2"}
        assert refused(found) == {"device:2 mail:a max_identifiers"}

    def test_a_refused_link_changes_nothing_for_the_next(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "device"),
            fragment("user:1", "device:1", at=3),
            fragment("user:2", "device:1", at=2),
            fragment("user:2", "device:2", at=1),
        )

        assert people(found) == {"device:1 user:1", "device:2 user:2"}

    def test_no_profile_grows_past_max_identifiers(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "device", max_identifiers=3),
            *(fragment("user:1", f"device:{n}", at=n) for n in range(1, 5)),
        )

        assert people(found) == {"device:1", "device:2", "device:3 device:4 user:1"}


class TestPark:
    """Step 7, `park`."""

    def test_a_whole_group_is_refused_and_its_identifier_parked(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "device conflict=park"),
            fragment("user:1", "device:1", at=1),
            fragment("user:2", "device:1", at=2),
        )

        assert people(found) == {"device:1", "user:1", "user:2"}
        assert texts(found.parked) == {"device:1"}
        assert refused(found) == {"device:1 user:1 park", "device:1 user:2 park"}

    def test_a_whole_group_joins_if_all_it_reaches_may_be_one(self, resolved: Resolver) -> None:
        """user:2 breaks the component through tag:1, a later layer; the device joins user:1 and mail:a first."""
        found = resolved(
            rules("user limit=1", "mail", "device conflict=park", "tag"),
            fragment("user:1", "device:1"),
            fragment("mail:a", "device:1"),
            fragment("user:2", "tag:1", at=1),
            fragment("user:1", "tag:1", at=2),
        )

        assert people(found) == {"device:1 mail:a tag:1 user:1", "user:2"}
        assert texts(found.parked) == set()

    def test_groups_go_in_order_of_the_weaker_ends_text(self, resolved: Resolver) -> None:
        """device:1 joins user:1 and mail:a, though older; device:2 would join user:2 to them."""
        found = resolved(
            rules("user limit=1", "mail", "device conflict=park"),
            fragment("user:2", "device:2", at=9),
            fragment("mail:a", "device:2", at=9),
            fragment("user:1", "device:1", at=1),
            fragment("mail:a", "device:1", at=1),
        )

        assert people(found) == {"device:1 mail:a user:1", "device:2", "user:2"}
        assert texts(found.parked) == {"device:2"}

    def test_scores_do_not_order_a_park_layer(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "mail", "device conflict=park"),
            fragment("user:2", "device:2"),
            fragment("mail:a", "device:2"),
            fragment("user:1", "device:1", score=0.1),
            fragment("mail:a", "device:1", score=0.1),
        )

        assert texts(found.parked) == {"device:2"}

    def test_a_parked_identifier_takes_part_in_no_later_link(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "device conflict=park", "tag"),
            fragment("user:1", "device:1"),
            fragment("user:2", "device:1"),
            fragment("device:1", "tag:1"),
        )

        assert people(found) == {"device:1", "tag:1", "user:1", "user:2"}
        assert "device:1 tag:1 park" in refused(found)

    def test_not_even_in_one_inside_its_profile(self, resolved: Resolver) -> None:
        """device:1 and tag:1 are judged the same, and still their link is refused; tag:1 goes on linking for both."""
        found = resolved(
            rules("user limit=1", "device conflict=park", "tag"),
            fragment("user:1", "device:1"),
            fragment("user:2", "device:1"),
            fragment("device:1", "tag:1"),
            fragment("user:2", "tag:1"),
            same("device:1", "tag:1"),
        )

        assert people(found) == {"device:1 tag:1 user:2", "user:1"}
        assert refused(found) == {"device:1 user:1 park", "device:1 user:2 park", "device:1 tag:1 park"}

    def test_links_to_a_parked_end_do_not_count_in_the_group(self, resolved: Resolver) -> None:
        """device:1 is parked; tag:1's group is then only its link to user:1, and that may be."""
        found = resolved(
            rules("user limit=1", "device conflict=park", "tag conflict=park"),
            fragment("user:1", "device:1"),
            fragment("user:2", "device:1"),
            fragment("device:1", "tag:1"),
            fragment("user:1", "tag:1"),
        )

        assert people(found) == {"device:1", "tag:1 user:1", "user:2"}
        assert texts(found.parked) == {"device:1"}
        assert "device:1 tag:1 park" in refused(found)

    def test_with_no_link_left_it_is_not_parked(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "device conflict=park", "tag conflict=park"),
            fragment("user:1", "device:1"),
            fragment("user:2", "device:1"),
            fragment("device:1", "tag:1"),
        )

        assert texts(found.parked) == {"device:1"}

    def test_inside_a_namespace_the_group_is_the_later_texts(self, resolved: Resolver) -> None:
        """device:1 has no smaller one; device:2 reaches user:1 through device:1 and user:2 by itself."""
        found = resolved(
            rules("user limit=1", "device conflict=park"),
            fragment("user:1", "device:1"),
            fragment("device:1", "device:2"),
            fragment("user:2", "device:2"),
        )

        assert people(found) == {"device:1 user:1", "device:2", "user:2"}
        assert refused(found) == {"device:1 device:2 park", "device:2 user:2 park"}

    def test_a_group_inside_one_profile_is_accepted(self, resolved: Resolver) -> None:
        """The judged group is larger than any profile may grow; its inner links are accepted all the same."""
        found = resolved(
            rules("user", "mail", "device conflict=park", max_identifiers=2),
            same("user:1", "mail:a"),
            same("user:1", "device:1"),
            fragment("user:1", "device:1"),
            fragment("mail:a", "device:1"),
        )

        assert (people(found), refused(found)) == ({"device:1 mail:a user:1"}, set())
        assert texts(found.parked) == set()

    def test_it_parks_for_distinct_and_size_too(self, resolved: Resolver) -> None:
        apart = resolved(
            rules("user", "device conflict=park"),
            fragment("user:1", "device:1"),
            fragment("user:2", "device:1"),
            distinct("user:1", "user:2"),
        )
        large = resolved(
            rules("user", "device conflict=park", max_identifiers=2),
            fragment("user:1", "device:1"),
            fragment("user:2", "device:1"),
        )

        assert texts(apart.parked) == {"device:1"}
        assert texts(large.parked) == {"device:1"}


class TestReasons:
    """Step 8: the first that applies."""

    def test_contradiction_before_shared(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "device shared_above=1"),
            fragment("user:1", "device:1"),
            fragment("user:2", "device:1"),
            fragment("user:3", "user:4", "device:1"),
        )

        assert {"device:1 user:3 contradiction", "device:1 user:1 shared"} <= refused(found)
        assert len(found.refused) == 5

    def test_score_before_shared(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "device shared_above=1 min_score=0.5"),
            fragment("user:1", "device:1"),
            fragment("user:2", "device:1"),
            fragment("user:3", "device:1", score=0.1),
        )

        assert refused(found) == {"device:1 user:1 shared", "device:1 user:2 shared", "device:1 user:3 score"}

    def test_park_before_distinct(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user", "device conflict=park", "tag"),
            fragment("user:1", "device:1"),
            fragment("device:1", "tag:1"),
            distinct("user:1", "device:1"),
            distinct("device:1", "tag:1"),
        )

        assert refused(found) == {"device:1 user:1 park", "device:1 tag:1 park"}

    def test_distinct_before_limit(self, resolved: Resolver) -> None:
        found = resolved(
            rules("user limit=1", "device"),
            fragment("user:1", "device:1", at=1),
            fragment("user:2", "device:1", at=2),
            distinct("user:1", "user:2"),
        )

        assert refused(found) == {"device:1 user:1 distinct"}

    @pytest.mark.parametrize(("first", "second"), [("user", "mail"), ("mail", "user")])
    def test_limit_names_the_strongest_namespace_and_comes_before_size(self, resolved: Resolver, first: str, second: str) -> None:
        found = resolved(
            rules(f"{first} limit=1", f"{second} limit=1", "tag", max_identifiers=3),
            fragment("user:1", "mail:a"),
            fragment("user:2", "mail:b"),
            fragment("mail:a", "tag:1", at=2),
            fragment("mail:b", "tag:1", at=1),
        )

        assert refused(found) == {f"mail:b tag:1 limit({first})"}
