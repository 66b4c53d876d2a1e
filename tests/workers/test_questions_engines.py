"""Questions against real engines: over random graphs, each program returns what the question says, no more and no less."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from graph_schema.models import QRA, STSG, Motion, Relation
from graph_schema.paths import reference_paths
from graph_schema.store import GraphStore
from tests.support.graphs import a_video, stsgs
from tests.support.question_scenes import Scene
from workers.questions import build_questions, draw_steps, keep_unique
from workers.questions.build import leaks
from workers.questions.cypher_writer import literal
from workers.synthetic import make_world, truth

few = settings(
    max_examples=8,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CAPTIONS = ("small red cup", "small cup", "large red cup", "small blue ball", "blue ball", "person", "red person", "moving object")
PREDICATES = ("left of", "above", "touches", "holding", "carries", "it's \\ on")
MOTIONS = ("moves left", "moves up", "stands still")


@st.composite
def scenes(draw: st.DrawFn) -> STSG:
    """Some things, of few captions, in up to three shots; relations and motions anywhere, references from shot to shot.

    All have one id, that the sampled paths depend on: each replaces the last in the store, and a failure comes again.
    """
    scene = Scene("qscene", shots=draw(st.integers(1, 3)))
    nodes: dict[int, list[str]] = {shot: [] for shot in range(scene.shots)}
    for number in range(draw(st.integers(3, 6))):
        entity, caption, moves = f"e{number}_", draw(st.sampled_from(CAPTIONS)), draw(st.booleans())
        shown = sorted(draw(st.sets(st.integers(0, scene.shots - 1), min_size=1)))
        for shot in shown:
            scene.thing(entity, caption, shot, moves=moves)
            own_nodes = [f"{entity}{shot}.{s}" for s in range(4)] if moves else [f"{entity}{shot}"]
            nodes[shot] += own_nodes
            for s, (earlier, later) in enumerate(itertools.pairwise(own_nodes)):
                if draw(st.booleans()):
                    scene.moves(
                        earlier, draw(st.sampled_from(MOTIONS)), later, 4 * shot + s, 4 * shot + s + draw(st.sampled_from([0.5, 0.93, 1.0]))
                    )
        for one, next_one in itertools.pairwise(shown):
            scene.again(f"{entity}{one}.3" if moves else f"{entity}{one}", f"{entity}{next_one}.0" if moves else f"{entity}{next_one}")
    for _ in range(draw(st.integers(2, 10))):
        shot = draw(st.integers(0, scene.shots - 1))
        if len(nodes[shot]) < 2:
            continue
        a, b = draw(st.permutations(nodes[shot]))[:2]
        start, end = sorted(draw(st.lists(st.integers(0, 8), min_size=2, max_size=2, unique=True)))
        scene.relates(a, draw(st.sampled_from(PREDICATES)), b, 4 * shot + start / 2, 4 * shot + end / 2)
    return scene.graph()


def built(graph: STSG, draws: int = 60) -> list[QRA]:
    paths = reference_paths(graph, steps=draw_steps(draws, (25, 45, 30), 0), seed=0)
    return build_questions(graph, paths, set_id="set", seed=0)


@few
@given(graph=scenes())
def test_each_program_returns_exactly_the_answer(store: GraphStore, graph: STSG) -> None:
    store.graphs.write(graph)
    questions = built(graph)
    assert store.programs.run([q.program for q in questions]) == [[q.answer] for q in questions]
    for q in questions:
        assert q.steps == len(q.rationale)
        assert not leaks(q.question, q.answer)
        assert q.rationale[-1].answer == q.answer
    assert len({q.question for q in questions}) == len(questions)


@few
@given(graph=scenes())
def test_with_a_twin_of_everything_no_object_is_an_answer(store: GraphStore, graph: STSG) -> None:
    twins = with_twins(graph)
    store.graphs.write(twins)
    questions = [q for q in built(graph) if q.answer_type not in ("shot", "time", "motion")]
    programs = [q.program.replace(graph.id, twins.id) for q in questions]
    returned = store.programs.run(programs)
    assert all(len(answers) == 2 for answers in returned)
    assert keep_unique(questions, returned) == []
    assert built(twins) == []


@few
@given(graph=stsgs())
def test_any_graph_and_any_words_give_programs_that_run(store: GraphStore, graph: STSG) -> None:
    store.graphs.write(graph)
    questions = built(graph, draws=20)
    assert len(store.programs.run([q.program for q in questions])) == len(questions)  # one that cannot be run raises


@pytest.mark.parametrize(
    "text",
    [
        "it's",
        'a "b"',
        "back\\slash",
        "end\\",
        "\\u0041",
        "\\\\u0041",
        "line\nbreak",
        "tab\t",
        "naïve 杯 🙂",
        "// b",
        "/* c */",
        "$x",
        "`y`",
        "\x01",
    ],
)
def test_any_text_stays_the_text_it_is(store: GraphStore, text: str) -> None:
    assert store.programs.run([f"RETURN {literal(text)} AS answer"]) == [[text]]


def test_true_worlds_give_questions_of_every_kind(store: GraphStore) -> None:
    kinds: set[str] = set()
    for seed in (0, 3):
        world = make_world(seed)
        frames = sum(clip.frames for clip in world.clips)
        size = {"width": world.width, "height": world.height, "frame_count": frames, "duration_seconds": frames / world.fps}
        graph = truth(world, a_video(f"qworld{seed}").model_copy(update=size))
        store.graphs.write(graph)
        paths = store.graphs.sample_paths(graph.id, steps=draw_steps(60, (25, 45, 30), 0), seed=0)
        questions = build_questions(graph, paths, set_id="set", seed=0)
        kept = keep_unique(questions, store.programs.run([q.program for q in questions]))
        assert [q.id for q in kept] == [q.id for q in questions]
        kinds |= {q.answer_type for q in kept} | {f"{q.steps} steps" for q in kept}
    assert kinds == {"object", "motion", "time", "colour", "shot", "1 steps", "2 steps", "3 steps"}


def with_twins(graph: STSG) -> STSG:
    """The same graph with a second one of each thing, that does and stands as the first does; under another id."""
    name = f"w{graph.id}"

    def renamed(part: str, twin: bool) -> str:
        return part.replace(graph.id, name, 1) + ("'" if twin else "")

    both = (False, True)
    clips = [
        c.model_copy(update={"keyframes": tuple(k.model_copy(update={"id": renamed(k.id, False)}) for k in c.keyframes)})
        for c in graph.clips
    ]

    def ends(edge: Relation | Motion, twin: bool) -> dict[str, str]:
        fields = ("id", "subject_id", "object_id") if isinstance(edge, Relation) else ("id", "from_id", "to_id")
        return {f: renamed(getattr(edge, f), twin) for f in fields}

    return STSG(
        id=name,
        video=graph.video.model_copy(update={"id": f"v{name}"}),
        producer=graph.producer,
        clips=tuple(clips),
        objects=tuple(
            o.model_copy(
                update={
                    "id": renamed(o.id, twin),
                    "entity_id": renamed(o.entity_id, twin),
                    "boxes": tuple(b.model_copy(update={"keyframe_id": renamed(b.keyframe_id, False)}) for b in o.boxes),
                }
            )
            for o in graph.objects
            for twin in both
        ),
        relations=tuple(r.model_copy(update=ends(r, twin)) for r in graph.relations for twin in both),
        motions=tuple(m.model_copy(update=ends(m, twin)) for m in graph.motions for twin in both),
    )
