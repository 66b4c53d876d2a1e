"""The oracle's mistakes: as many as were set, of both causes, and the same whenever and in whatever order it is asked.

Pictures that differ are drawn for independently, so that rates are counted over one greedy reply for each of many seeds and frames.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from benchmarks.oracle import PERFECT, OracleErrors, OracleVideoLLM
from benchmarks.oracle.scenes import scene_of
from graph_schema.record import JsonObject
from graph_schema.vocabulary import COLOURS, MOTIONS, SIZES
from tests.support.oracle_examples import TRUTH, WORLD, WORLDS, keyframe, oracle, prompt, replies, said, says_yes
from workers.parsers.prompted.boxes import box_words
from workers.parsers.prompted.canonical import canonical_label
from workers.video_llms import Prompt, Sampling

FRAMES = range(20)
"""The first clip's: three squares in view in each, and two relations, `red` left of `low` and `high` above `low`."""
RED, HIGH, LOW = "square (red)", "square (blue, medium, at the top)", "square (blue, medium, at the bottom)"
RATE = 0.3
DRAWN = Sampling(n=16, temperature=0.7, seed=1)


def near(events: Iterable[bool], rate: float) -> bool:
    """Whether the share of events is within four standard deviations of the rate; of 16,000 right ones one is not."""
    counted = list(events)
    assert len(counted) >= 400
    return abs(sum(counted) / len(counted) - rate) <= 4 * math.sqrt(rate * (1 - rate) / len(counted))


def happened(events: int, of: int) -> list[bool]:
    """So many events of so many chances."""
    return [True] * events + [False] * (of - events)


def over_pictures(ask: Callable[[OracleVideoLLM, int], Sequence[bool]], seeds: int = 40, **errors: float) -> list[bool]:
    """What `ask` finds in every frame, for oracles of many seeds."""
    models = [oracle(seed, **errors) for seed in range(seeds)]
    return [event for model in models for frame in FRAMES for event in ask(model, frame)]


def whole_objects(model: OracleVideoLLM, frame: int) -> list[JsonObject]:
    objects: list[JsonObject] = said(model, [frame], "whole")["objects"]
    return objects


# ------------------------------------------------------------------------------------------- as many as set


def test_objects_are_missed_as_often_as_set() -> None:
    def missed(model: OracleVideoLLM, frame: int) -> list[bool]:
        which = [o["which"] for o in said(model, [frame], "objects")["objects"]]
        return [name not in which for name in ("red", "blue, medium, at the top", "blue, medium, at the bottom")]

    assert near(over_pictures(missed, missed_object=RATE), RATE)
    assert not near(over_pictures(missed, missed_object=RATE), 0.4)  # the bounds are narrow enough to tell


def test_objects_are_invented_as_often_as_set_and_are_not_there() -> None:
    def invented(model: OracleVideoLLM, frame: int) -> list[bool]:
        objects = said(model, [frame], "objects")["objects"]
        for o in objects[3:]:
            name = f"{o['label']} ({o['which']})" if o["which"] else o["label"]
            assert not says_yes(model, [frame], "verify_object", object=name)
        return [len(objects) == 4]

    assert near(over_pictures(invented, invented_object=RATE), RATE)


def test_attributes_are_wrong_as_often_as_set() -> None:
    def wrong(model: OracleVideoLLM, frame: int) -> list[bool]:
        attributes = said(model, [frame], "attributes", object=RED)["attributes"]
        assert [a["kind"] for a in attributes] == ["colour", "size"]
        assert attributes[0]["name"] in COLOURS and attributes[1]["name"] in SIZES
        return [attributes[0]["name"] != "red", attributes[1]["name"] != "medium"]

    assert near(over_pictures(wrong, wrong_attribute=RATE), RATE)


def test_relations_are_wrong_as_often_as_set() -> None:
    def wrong(model: OracleVideoLLM, frame: int) -> list[bool]:
        related = said(model, [frame], "relations", first=RED, second=LOW)["relations"]
        unrelated = said(model, [frame], "relations", first=HIGH, second=RED)["relations"]
        assert len(related) == 1
        assert all({r["subject"], r["object"]} == {HIGH, RED} for r in unrelated)
        return [related != [{"subject": RED, "predicate": "left of", "object": LOW}], unrelated != []]

    assert near(over_pictures(wrong, wrong_relation=RATE), RATE)


def test_labels_are_said_in_other_words_as_often_as_set() -> None:
    def labels(model: OracleVideoLLM, frame: int) -> list[str]:
        return [o["label"] for o in said(model, [frame], "objects")["objects"]]

    assert near(over_pictures(lambda m, f: [canonical_label(x) in ("box", "block") for x in labels(m, f)], synonym=RATE), RATE)
    respelled = over_pictures(lambda m, f: [x != "square" and canonical_label(x) == "square" for x in labels(m, f)], spelling=RATE)
    assert near(respelled, RATE)


def test_answers_are_wrong_as_often_as_set() -> None:
    def wrong(model: OracleVideoLLM, frame: int) -> list[bool]:
        return [
            not says_yes(model, [frame], "verify_object", object=RED),
            says_yes(model, [frame], "verify_object", object="circle"),
            not says_yes(model, [frame], "verify_attribute", object=RED, kind="colour", name="red"),
            says_yes(model, [frame], "verify_relation", subject=LOW, predicate="left of", object=RED),
        ]

    def wrong_same(model: OracleVideoLLM, frame: int) -> list[bool]:
        return [
            not says_yes(model, [frame, 19 - frame], "same_in_clip", first=RED, second=RED),
            says_yes(model, [frame, 25], "same_across", first_count=1, first_frame=1, second_frame=2, first=HIGH, second=RED),
        ]

    assert near(over_pictures(wrong, wrong_yes_no=RATE), RATE)
    assert near(over_pictures(wrong_same, wrong_same=RATE), RATE)
    assert not any(over_pictures(wrong, seeds=2, wrong_same=RATE)) and not any(over_pictures(wrong_same, seeds=2, wrong_yes_no=RATE))


def test_motions_are_wrong_as_often_as_set() -> None:
    frames = range(6)  # in the first second, half a second apart, it moves right

    def word(frame: int, model: OracleVideoLLM) -> str:
        said_word: str = said(model, [frame, frame + 5], "motion", object=RED)["motion"]
        assert said_word in (*MOTIONS, "unchanged")
        return said_word

    assert {word(frame, oracle()) for frame in frames} == {"moves right"}
    models = [oracle(seed, wrong_motion=RATE) for seed in range(80)]
    assert near([word(frame, model) != "moves right" for model in models for frame in frames], RATE)


def test_what_is_said_wrongly_is_never_right_by_chance() -> None:
    for seed in range(20):
        model = oracle(seed, wrong_attribute=1.0, wrong_relation=1.0, wrong_motion=1.0, synonym=1.0)
        for frame in range(6):
            attributes = {(a["kind"], a["name"]) for a in said(model, [frame], "attributes", object=RED)["attributes"]}
            assert not attributes & {("colour", "red"), ("size", "medium")}
            (relation,) = said(model, [frame], "relations", first=RED, second=LOW)["relations"]
            assert relation != {"subject": RED, "predicate": "left of", "object": LOW}
            assert said(model, [frame, frame + 5], "motion", object=RED)["motion"] != "moves right"
            assert "square" not in {o["label"] for o in whole_objects(model, frame)}


def test_one_prompt_for_everything_errs_more_often() -> None:
    def missed(model: OracleVideoLLM, frame: int) -> list[bool]:
        which = [o["which"] for o in whole_objects(model, frame)]
        return [name not in which for name in ("red", "blue, medium, at the top", "blue, medium, at the bottom")]

    assert near(over_pictures(missed, missed_object=RATE, whole_factor=1.5), 1.5 * RATE)
    assert near(over_pictures(missed, missed_object=RATE, whole_factor=1.0), RATE)
    assert OracleErrors(wrong_attribute=0.8).whole().wrong_attribute == 1.0


def test_boxes_are_off_by_the_share_that_is_set() -> None:
    shifts = []
    for frame in FRAMES:
        for reply in replies(oracle(box_shift=0.1), [frame], prompt("objects", **box_words("fractions")), DRAWN):
            box = json.loads(reply)["objects"][0]["box"]
            right = scene_of(TRUTH, WORLD, frame).objects[0].box
            shifts += [(edge - true) / side for edge, true, side in zip(box, right, (0.1, 0.2) * 2, strict=True)]  # 20 px of 200 x 100
    assert max(map(abs, shifts)) <= 0.1 + 0.006  # rounded to thousandths
    assert max(shifts) > 0.08 and min(shifts) < -0.08 and abs(sum(shifts) / len(shifts)) < 0.01


# ---------------------------------------------------------------------------------------------- two causes


def missed_in_replies(share: float) -> Counter[int]:
    """{in how many of 16 replies to one prompt the red square is missed: in how many pictures}."""
    counts: Counter[int] = Counter()
    for seed in range(25):
        model = oracle(seed, missed_object=0.4, systematic_share=share)
        for frame in FRAMES:
            texts = replies(model, [frame], prompt("objects"), DRAWN)
            counts[sum("red" not in [o["which"] for o in json.loads(text)["objects"]] for text in texts)] += 1
    return counts


def test_an_error_is_systematic_or_of_one_reply() -> None:
    half = missed_in_replies(0.5)
    # systematic: 0.2 of the pictures; independent: (0.4 - 0.2) / 0.8 = 0.25 of the replies about the others
    assert near(happened(half[16], 500), 0.2)
    replied = 16 * (500 - half[16])
    assert near(happened(sum(n * pictures for n, pictures in half.items() if n < 16), replied), 0.25)


def test_voting_ends_independent_errors_and_keeps_systematic_ones() -> None:
    systematic, independent = missed_in_replies(1.0), missed_in_replies(0.0)
    assert set(systematic) == {0, 16} and near(happened(systematic[16], 500), 0.4)
    outvoted = sum(pictures for n, pictures in independent.items() if n > 8)
    assert outvoted / 500 < 0.2  # of 16 replies that err by 0.4 each, more than half do in 14 %
    assert independent[16] == 0


def test_systematic_errors_are_of_all_prompts_about_a_picture() -> None:
    """An attribute is as wrong under two names and in the description; a missed object is missing from the narrative too."""
    model = oracle(3, wrong_attribute=0.5, missed_object=0.5, systematic_share=1.0)
    for frame in FRAMES:
        one, other = (said(model, [frame], "attributes", object=name)["attributes"] for name in (RED, "medium red square"))
        assert one == other
        (text,) = replies(model, [frame], prompt("description", objects="", object=RED))
        assert f"{one[1]['name']} {one[0]['name']} square" in text
        (text,) = replies(model, [frame], prompt("narrative"))
        assert text.count("square") == len(said(model, [frame], "objects")["objects"])


def test_an_invention_that_stays_has_the_attributes_it_was_invented_with() -> None:
    model = oracle(0, invented_object=1.0, systematic_share=1.0)
    for frame in FRAMES:
        invented = whole_objects(model, frame)[3]
        assert said(model, [frame], "objects")["objects"][3]["label"] == invented["label"]
        name = f"{invented['label']} ({invented['which']})" if invented["which"] else invented["label"]
        assert said(model, [frame], "attributes", object=name)["attributes"] == invented["attributes"]


# ------------------------------------------------------------------------------------ the same at every time

EVERYTHING = [
    prompt("narrative"),
    prompt("objects", **box_words("pixels")),
    prompt("whole", **box_words("thousandths")),
    prompt("attributes", object=RED),
    prompt("relations", first=RED, second=LOW),
]


def asked(model: OracleVideoLLM, prompts: Sequence[Prompt], frames: Sequence[int]) -> dict[tuple[int, str], tuple[str, ...]]:
    results = {}
    for frame in frames:
        for position, completion in model.generate([keyframe(frame)], prompts, DRAWN):
            results[frame, prompts[position].text] = tuple(g.text for g in completion.generations)
    return results


def test_the_order_of_questions_changes_no_reply() -> None:
    def model(seed: int = 5) -> OracleVideoLLM:
        return OracleVideoLLM(WORLDS, OracleErrors(), seed)

    forwards = asked(model(), EVERYTHING, FRAMES)
    assert asked(model(), EVERYTHING[::-1], FRAMES[::-1]) == forwards
    for single in EVERYTHING:
        assert replies(model(), [7], single, DRAWN) == list(forwards[7, single.text])
    assert asked(model(seed=6), EVERYTHING, FRAMES) != forwards


def test_a_reply_goes_by_its_number_and_the_seed_of_the_sampling() -> None:
    model = OracleVideoLLM(WORLDS, OracleErrors(), 5)
    many = replies(model, [0], prompt("whole"), DRAWN)
    assert len(set(many)) > 4
    assert replies(model, [0], prompt("whole"), Sampling(n=3, temperature=0.7, seed=1)) == many[:3]
    assert replies(model, [0], prompt("whole"), Sampling(n=16, temperature=0.7, seed=2)) != many
    assert len(set(replies(model, [0], prompt("whole"), Sampling(n=4)))) == 1  # greedy


def test_its_identity_tells_oracles_apart() -> None:
    identities = [json.dumps(m.identity, sort_keys=True) for m in (oracle(), oracle(1), oracle(0, wrong_same=0.1), oracle())]
    assert len(set(identities)) == 3 and identities[0] == identities[3]


def test_perfect_is_without_any_error() -> None:
    rates = PERFECT.model_dump()
    assert {name for name, rate in rates.items() if rate} == {"systematic_share", "whole_factor"}
